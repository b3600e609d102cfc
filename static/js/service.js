// Service status in the footer: checked on each page load and when the network changes.
const service = document.getElementById("service");

function showStatus(online) {
  service.className = online ? "online" : "offline";
  service.firstElementChild.textContent = online ? service.dataset.online : service.dataset.offline;
}

async function checkReadiness() {
  try {
    showStatus((await fetch(service.dataset.ready)).ok);
  } catch {
    showStatus(false);
  }
}

// A page from the back/forward cache may show a deleted result.
addEventListener("pageshow", (event) => event.persisted && location.reload());
addEventListener("online", checkReadiness);
addEventListener("offline", () => showStatus(false));
checkReadiness();
