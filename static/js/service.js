// The footer's word on the service: online or offline, asked once a page and when the network changes.
const service = document.getElementById("service");

function say(online) {
  service.className = online ? "online" : "offline";
  service.firstElementChild.textContent = online ? service.dataset.online : service.dataset.offline;
}

async function ask() {
  try {
    say((await fetch(service.dataset.ready)).ok);
  } catch {
    say(false);
  }
}

// A page that the browser kept may show what was deleted meanwhile.
addEventListener("pageshow", (event) => event.persisted && location.reload());
addEventListener("online", ask);
addEventListener("offline", () => say(false));
ask();
