// The page of a job: its progress, and when its state changes, its buttons and its log.
import { followJob } from "./job_progress.js";

followJob(document.getElementById("job"), () => location.reload());
