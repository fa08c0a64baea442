// A request as others may send it: by curl in a shell, or by OpenAI's client in Python.

import { apiKey, apiRoot } from "./api.js";
import { messagesOf } from "./conversation.js";

const KEY_VARIABLE = "OPENAI_API_KEY";
const MOST_INLINE = 300_000; // bytes of all files together that stand in the text itself; ours, for a terminal takes them

// Characters that a shell would read, in a text between quotes; JSON has another way to write each of them.
const SHELL_CHARACTERS = { "\\\\": "\\u005c", $: "\\u0024", "`": "\\u0060", "!": "\\u0021" };

// Places of files that are read when the request is sent: characters of private use, which JSON leaves as they are.
const markOf = (number) => `\uE000${number}\uE000`;
const PLACES = /"\uE000(\d+)\uE000"/g;

// turns: up to the question. fields: beside the messages. Files that were not pasted have a name to be read by.
export function curlOf(model, turns, fields) {
  const { files, placeOf } = readFiles(turns);
  const json = JSON.stringify({ model, messages: messagesOf(turns, placeOf), ...fields }, null, 2);
  const body = json
    .replace(/\\\\|[$`!]/g, (found) => SHELL_CHARACTERS[found])
    .replace(PLACES, (_, number) => `"${shellDataUrl(files[number])}"`);
  const key = apiKey.get() ? ` \\\n  -H "Authorization: Bearer $${KEY_VARIABLE}"` : "";
  const command = `curl ${shellWord(`${apiRoot()}/chat/completions`)} \\\n  -H "Content-Type: application/json"${key}`;
  return `${notesOf(files)}${command} \\\n  --data-binary @- <<JSON\n${body}\nJSON\n`;
}

export function pythonOf(model, turns, fields) {
  const { files, placeOf } = readFiles(turns);
  const { temperature, max_tokens, ...extra } = fields;
  const given = { model, messages: messagesOf(turns, placeOf), temperature, max_tokens };
  if (Object.keys(extra).length) given.extra_body = extra;
  const written = Object.entries(given).filter(([, value]) => value !== undefined);
  const call = written.map(([name, value]) => `    ${name}=${pythonValue(value, "    ")},\n`).join("");
  const read = ({ name, type }) => `data_url(${JSON.stringify(name)}, ${JSON.stringify(type)})`;
  const key = apiKey.get() ? `os.environ["${KEY_VARIABLE}"]` : '"none"';
  return [
    notesOf(files),
    importsOf(files),
    files.length ? DATA_URL : "",
    `client = OpenAI(base_url=${JSON.stringify(apiRoot())}, api_key=${key})\n`,
    `answer = client.chat.completions.create(\n${call.replace(PLACES, (_, number) => read(files[number]))})\n`,
    "print(answer.choices[0].message.content)\n",
  ].join("");
}

// Files to be read by name, none where all are small enough to stand in the text. A name with a line break would end it.
function readFiles(turns) {
  const all = turns.flatMap((turn) => turn.files ?? []);
  const isSmall = all.reduce((sum, file) => sum + file.size, 0) <= MOST_INLINE;
  const files = isSmall ? [] : all.filter((file) => file.isNamed && !/\p{Cc}/u.test(file.name));
  const urlOf = (file) => (files.includes(file) ? markOf(files.indexOf(file)) : file.url);
  return { files, placeOf: (file) => ({ url: urlOf(file) }) };
}

function notesOf(files) {
  const names = [...new Set(files.map((file) => file.name))].join(", ");
  const folder = names ? `# Run it in the folder that has ${names}\n` : "";
  return folder + (apiKey.get() ? `# The API key is read from ${KEY_VARIABLE}\n` : "");
}

const DATA_URL = `
def data_url(name, kind):
    with open(name, "rb") as file:
        return f"data:{kind};base64,{base64.b64encode(file.read()).decode()}"


`;

function importsOf(files) {
  const modules = [files.length && "base64", apiKey.get() && "os"].filter(Boolean);
  const standard = modules.map((name) => `import ${name}\n`).join("");
  return `${standard}${standard && "\n"}from openai import OpenAI\n\n`;
}

const shellWord = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Put together by the shell when the command runs.
const shellDataUrl = ({ name, type }) => `data:${type};base64,$(base64 < ${shellWord(name)} | tr -d '\\n')`;

// A value of JSON as Python writes it. Texts are the same in both.
function pythonValue(value, indent) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  const entries = Array.isArray(value)
    ? value.map((one) => pythonValue(one, inner))
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${pythonValue(one, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${entries.map((entry) => `${inner}${entry},\n`).join("")}${indent}${close}`;
}
