// The content of the page and the reader's choices; the address keeps every choice that differs from its default.
const data = JSON.parse(document.getElementById("clips").textContent);
const element = (id) => document.getElementById(id);
const keys = new Map(data.keys.map((key) => [key.name, key]));
const runs = data.runs.map((run, index) => ({
  ...run, index, card: document.querySelector(`[data-run="${index}"]`), picture: run.sheet === null ? null : data.sheets[run.sheet],
}));
for (const run of runs) run.canvas = run.card.querySelector("canvas");
const count = Math.max(1, ...data.sheets.map((sheet) => sheet.count));
const MODES = ["picture", "difference", "flicker", "wipe"];
const GAINS = [1, 2, 4, 8, 16];
const SPEEDS = [0.25, 0.5, 1, 1.5, 2];

const fresh = () => ({
  view: "grid", mode: "picture", reference: data.reference, gain: 4, wipe: 50, sort: "", down: false, size: 0, text: "",
  hidden: new Set(), filters: new Map(), frame: null, speed: 1,
});
let state = fresh();

const valueOf = (run, name) => (Object.hasOwn(run.facts, name) ? run.facts[name] : undefined);
const asText = (value) => (value === undefined ? "not set" : String(value));
const readable = (value) => {
  if (typeof value !== "number") return asText(value);
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return Math.abs(value) >= 100 ? value.toFixed(1) : String(Number(value.toPrecision(4)));
};
const nameOf = (key) => (["Swept", "Choices"].includes(key.group) ? `${key.label} (${key.group.toLowerCase()})` : key.label);

const toAddress = () => {
  const parts = new URLSearchParams();
  const start = fresh();
  if (state.frame !== null) parts.set("frame", state.frame);
  for (const name of ["view", "mode", "reference", "gain", "wipe", "size", "text", "speed"]) {
    if (state[name] !== start[name]) parts.set(name, state[name]);
  }
  if (state.sort) parts.set("sort", (state.down ? "-" : "") + state.sort);
  for (const variant of state.hidden) parts.append("hide", variant);
  for (const [name, filter] of state.filters) {
    if (filter.kind === "is") for (const value of filter.values) parts.append(`is.${name}`, value);
    if (filter.kind === "is" && !filter.values.size) parts.append(`has.${name}`, "");
    if (filter.kind === "has") parts.append(`has.${name}`, filter.text);
    if (filter.kind === "range") parts.append(`range.${name}`, `${filter.low ?? ""}..${filter.high ?? ""}`);
  }
  return `#${parts}`;
};

const numberOr = (text, otherwise) => (text !== null && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : otherwise);
const oneOf = (value, allowed, otherwise) => (allowed.includes(value) ? value : otherwise);

const fromAddress = () => {
  known = location.hash;
  const parts = new URLSearchParams(location.hash.slice(1));
  const read = fresh();
  read.view = oneOf(parts.get("view"), ["grid", "cards"], read.view);
  read.mode = oneOf(parts.get("mode"), MODES, read.mode);
  read.reference = oneOf(parts.get("reference"), data.variants, read.reference);
  read.gain = oneOf(numberOr(parts.get("gain")), GAINS, read.gain);
  read.speed = oneOf(numberOr(parts.get("speed")), SPEEDS, read.speed);
  read.wipe = Math.min(100, Math.max(0, numberOr(parts.get("wipe"), read.wipe)));
  read.size = Math.min(512, Math.max(0, numberOr(parts.get("size"), read.size)));
  read.text = parts.get("text") ?? "";
  const frame = numberOr(parts.get("frame"), null);
  read.frame = frame === null ? null : Math.min(count - 1, Math.max(0, Math.floor(frame)));
  const sort = parts.get("sort") ?? "";
  if (keys.has(sort)) read.sort = sort;
  else if (sort.startsWith("-") && keys.has(sort.slice(1))) [read.sort, read.down] = [sort.slice(1), true];
  read.hidden = new Set(parts.getAll("hide").filter((variant) => data.variants.includes(variant)));
  for (const [part, value] of parts) {
    const name = part.slice(part.indexOf(".") + 1);
    if (!part.includes(".") || !keys.has(name)) continue;
    if (!read.filters.has(name)) read.filters.set(name, emptyFilter(name));
    const filter = read.filters.get(name);
    if (part.startsWith("is.") && filter.kind === "is") filter.values.add(value);
    if (part.startsWith("has.") && filter.kind === "has") filter.text = value;
    if (part.startsWith("range.") && filter.kind === "range") {
      const [low, high] = value.split("..");
      [filter.low, filter.high] = [numberOr(low ?? "", null), numberOr(high ?? "", null)];
    }
  }
  return read;
};

let writing = 0;
let known = location.hash;
const keepAddress = () => {
  clearTimeout(writing);
  writing = setTimeout(() => {
    if (location.hash !== known) return; // the reader has just written another, which is about to be read
    history.replaceState(null, "", toAddress());
    known = location.hash;
  }, 120);
};
