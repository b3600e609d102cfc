// The SDK for JavaScript, as its documentation shows it: finds labels in the file of the argument.
import { readFileSync } from "node:fs";
import {
  DescribeProjectsCommand,
  DetectLabelsCommand,
  ListCollectionsCommand,
  RekognitionClient,
} from "@aws-sdk/client-rekognition";

const client = new RekognitionClient();
const found = await client.send(
  new DetectLabelsCommand({ Image: { Bytes: readFileSync(process.argv[2]) }, MinConfidence: 70 }),
);
const projects = await client.send(new DescribeProjectsCommand({}));
const refused = await client.send(new ListCollectionsCommand({})).catch((error) => error);
console.log(
  JSON.stringify({
    labels: found.Labels.map((label) => label.Name),
    confidence: found.Labels[0].Confidence,
    requestId: found.$metadata.requestId,
    created: projects.ProjectDescriptions.map((each) => each.CreationTimestamp.toISOString()),
    error: refused.name,
    status: refused.$metadata.httpStatusCode,
  }),
);
