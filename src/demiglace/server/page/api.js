// The server's API. Whatever fails is thrown as a ServerError with one line for the reader.

const KEY = "api-key";

export const apiRoot = () => new URL("v1", document.baseURI).href;

export const apiKey = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (key) => (key ? sessionStorage.setItem(KEY, key) : sessionStorage.removeItem(KEY)),
};

// status: of HTTP, 0 where there was no answer at all. code: the server's own, where it has one.
export class ServerError extends Error {
  constructor(message, status = 0, code = null) {
    super(message);
    Object.assign(this, { status, code });
  }
}

export const wantsKey = (error) => error instanceof ServerError && error.status === 401;
export const isMissingFile = (error) => error instanceof ServerError && error.code === "file_not_found";
export const isAbort = (error) => error.name === "AbortError";

export async function getModel() {
  const { data } = await (await send("models")).json();
  return data[0];
}

// The id under which the server keeps the file, until newer ones need the room.
export async function uploadFile(blob, name) {
  const form = new FormData();
  form.append("purpose", "user_data");
  form.append("file", blob, name);
  return (await (await request("files", { method: "POST", headers: headers(), body: form })).json()).id;
}

// Also when the page is about to go.
export function deleteFile(id) {
  fetch(`${apiRoot()}/files/${id}`, { method: "DELETE", headers: headers(), keepalive: true }).catch(() => {});
}

export async function getPreview(body, signal) {
  return (await send("preview", body, signal)).json();
}

// Chunks of a chat completion, the last with its usage.
export async function* streamAnswer(body, signal) {
  const options = { stream: true, stream_options: { include_usage: true } };
  const response = await send("chat/completions", { ...body, ...options }, signal);
  for await (const data of eventData(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ServerError(chunk.error.message, response.status);
    yield chunk;
  }
  throw new ServerError("The server ended the answer too early.");
}

function send(path, body, signal) {
  const method = body ? "POST" : "GET";
  return request(path, { method, headers: headers(body && "application/json"), body: body && JSON.stringify(body), signal });
}

async function request(path, settings) {
  const response = await reached(`${apiRoot()}/${path}`, settings);
  if (!response.ok) throw await errorOf(response);
  return response;
}

function headers(type) {
  const found = type ? { "Content-Type": type } : {};
  if (apiKey.get()) found.Authorization = `Bearer ${apiKey.get()}`;
  return found;
}

async function reached(url, settings) {
  try {
    return await fetch(url, settings);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ServerError("The server cannot be reached.");
  }
}

async function errorOf(response) {
  try {
    const { message, code } = (await response.json()).error;
    return new ServerError(message, response.status, code);
  } catch {
    return new ServerError(`The server answered with status ${response.status}.`, response.status);
  }
}

// The data of server-sent events, one line each as this server sends them.
async function* eventData(body) {
  let rest = "";
  for await (const text of textOf(body)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield line.slice("data: ".length);
  }
}

// By a reader: not every browser iterates over streams.
async function* textOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ServerError("The connection to the server was lost.");
  } finally {
    reader.cancel().catch(() => {});
  }
}
