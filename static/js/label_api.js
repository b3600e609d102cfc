// Requests of the labelling page.

/** A request failed; `status` is 0 if there was no answer, `problem` the problem+json of an error. */
export class RequestFailed extends Error {
  constructor(status, problem = {}) {
    super(problem.detail ?? `status ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

async function request(method, url, body) {
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new RequestFailed(0);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new RequestFailed(response.status, answer);
  return answer;
}

/** Return the requests about a project whose part of the API is at `base`. */
export function api(base) {
  const at = (picture) => `${base}/pictures/${picture}`;
  return {
    next: (skip) => request("POST", `${base}/labelling/next`, { skip }),
    read: (picture) => request("GET", `${at(picture)}/labels`),
    open: (picture) => request("POST", `${at(picture)}/labels/open`),
    save: (picture, labels) => request("PUT", `${at(picture)}/labels`, labels),
    renew: (picture) => request("POST", `${at(picture)}/lease`),
    history: (picture) => request("GET", `${at(picture)}/labels/history`),
    suggestions: (picture) => request("GET", `${at(picture)}/suggestions`),
  };
}

/** Put values into the {places} of a text. */
export function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}
