"use strict";

// Polls the inbox while somebody looks and shows every number as a phone.
// Whatever came over the network goes through textContent, never into markup.

const POLL_MS = 1000;
const SHOWN_MESSAGES = 400;
const CHANNELS = { sms: "Text message", voice: "Phone call", flashcall: "Missed call", whatsapp: "WhatsApp" };
const WHEN = { start: "sending", report: "checking", status: "status" };

const byId = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

let messages = [];
let seen = null;
const lists = {
  "/inbox": { key: "messages", revision: null, items: [] },
  "/notices": { key: "notices", revision: null, items: [] },
};

// Whether the list is another one than before.
async function refresh(path, list) {
  const headers = list.revision ? { "If-None-Match": list.revision } : {};
  const answer = await fetch(`${path}?limit=${SHOWN_MESSAGES}`, { headers, cache: "no-store" });
  if (answer.status !== 200) return false;
  list.items = (await answer.json())[list.key];
  list.revision = answer.headers.get("ETag");
  return true;
}

async function poll() {
  try {
    const changed = await Promise.all(Object.entries(lists).map(([path, list]) => refresh(path, list)));
    if (changed.includes(true)) {
      messages = Object.values(lists).flatMap((list) => list.items);
      messages.sort((one, other) => other.received_at.localeCompare(one.received_at));
      show();
    }
    showState("live", "Live");
  } catch {
    showState("lost", "Simulator does not answer");
  }
}

function showState(state, text) {
  if (byId("live").dataset.state === state) return;
  byId("live").dataset.state = state;
  byId("live-text").textContent = text;
}

function show() {
  const digits = byId("search").value.replace(/\D/g, "");
  const found = messages.filter((message) => message.number.includes(digits));
  const phones = Map.groupBy ? Map.groupBy(found, (message) => message.number) : grouped(found);
  const focused = document.activeElement?.dataset?.message;

  byId("wall").replaceChildren(...Array.from(phones, ([number, texts]) => phone(number, texts)));
  for (const chat of document.querySelectorAll(".chat")) chat.scrollTop = chat.scrollHeight;
  if (focused) document.querySelector(`[data-message="${CSS.escape(focused)}"]`)?.focus();

  byId("empty").hidden = messages.length > 0;
  byId("nothing-found").hidden = messages.length === 0 || found.length > 0;
  byId("clear").hidden = messages.length === 0;
  announce();
}

function grouped(list) {
  const groups = new Map();
  for (const message of list) groups.set(message.number, [...(groups.get(message.number) ?? []), message]);
  return groups;
}

// The first look is no news.
function announce() {
  const fresh = seen ? messages.filter((message) => !seen.has(message.id)) : [];
  seen = new Set(messages.map((message) => message.id));
  if (fresh.length > 0) {
    byId("news").textContent = `New message for ${fresh[0].number}: ${fresh[0].text}`;
    document.title = `${fresh[0].code ?? "Notice"} · Sinch simulator`;
  }
}

function phone(number, newestFirst) {
  const node = byId("phone-template").content.cloneNode(true);
  node.querySelector(".phone-number").textContent = number;
  node.querySelector(".phone-count").textContent = newestFirst.length === 1 ? "1 message" : `${newestFirst.length} messages`;
  const chat = node.querySelector(".chat");
  chat.setAttribute("aria-label", `Messages of ${number}`);
  chat.append(...newestFirst.toReversed().map(bubble));
  return node;
}

function bubble(message) {
  const node = byId("bubble-template").content.cloneNode(true);
  const received = new Date(message.received_at);
  node.querySelector(".bubble").classList.toggle("is-new", seen !== null && !seen.has(message.id));
  node.querySelector(".bubble-channel").textContent = CHANNELS[message.channel] ?? message.channel;
  node.querySelector(".bubble-text").textContent = message.text;
  const time = node.querySelector("time");
  time.dateTime = message.received_at;
  time.textContent = clock.format(received);

  const code = node.querySelector(".code");
  if (!message.code) {
    code.remove();
    return node;
  }
  code.dataset.message = message.id;
  code.classList.toggle("is-long", message.code.length > 8);
  code.querySelector(".code-text").textContent = message.code;
  code.setAttribute("aria-label", `Copy code ${message.code.split("").join(" ")}`);
  code.addEventListener("click", () => copy(message.code, code, code.querySelector(".code-hint")));
  return node;
}

async function copy(text, button, label) {
  const before = label.textContent;
  const copied = await toClipboard(text);
  label.textContent = copied ? "copied" : "select it";
  button.classList.toggle("is-copied", copied);
  setTimeout(() => {
    label.textContent = before;
    button.classList.remove("is-copied");
  }, 1200);
}

// The clipboard API exists only on loopback and HTTPS.
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}

async function showMagicNumbers() {
  const answer = await fetch("/magic-numbers");
  const { magic_numbers: magic } = await answer.json();
  byId("magic-rows").replaceChildren(...magic.map(magicRow));
}

function magicRow({ number, on, description }) {
  const row = document.createElement("tr");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "number";
  button.textContent = number;
  button.addEventListener("click", () => copy(number, button, button));
  row.insertCell().append(button);
  row.insertCell().textContent = WHEN[on] ?? on;
  row.insertCell().textContent = description;
  return row;
}

async function showCommands() {
  const { service_url: service } = await (await fetch("/about")).json();
  byId("command").textContent = [
    `curl ${service}/api/v1/auth/register \\`,
    "  -H 'content-type: application/json' \\",
    "  -d '{\"email\":\"ada@example.com\",",
    "       \"password\":\"a long enough secret\",",
    "       \"phone_number\":\"+46701234567\"}'",
  ].join("\n");
  byId("fault-command").textContent = [
    `curl ${location.origin}/faults \\`,
    "  -H 'content-type: application/json' \\",
    "  -d '{\"kind\":\"server_error\",\"on\":\"start\",\"times\":2}'",
  ].join("\n");
  for (const id of ["command", "fault-command"]) {
    const button = byId(`copy-${id}`);
    button.addEventListener("click", () => copy(byId(id).textContent, button, button));
  }
}

async function clear() {
  await fetch("/inbox", { method: "DELETE" });
  document.title = "Phones · Sinch simulator";
  await poll();
}

async function watch() {
  for (;;) {
    if (!document.hidden) await poll();
    await new Promise((resume) => setTimeout(resume, POLL_MS));
  }
}

byId("search").addEventListener("input", show);
byId("clear").addEventListener("click", clear);
document.addEventListener("visibilitychange", () => document.hidden || poll());
showCommands();
showMagicNumbers();
watch();
