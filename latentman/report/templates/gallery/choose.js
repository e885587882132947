// Which runs are shown, and in which order.
const MANY_VALUES = 40;
const FEW_NUMBERS = 8;
const NOT_SET = "not set";

const valuesOf = (name) => {
  const found = new Map();
  for (const run of runs) {
    const value = asText(valueOf(run, name));
    found.set(value, (found.get(value) ?? 0) + 1);
  }
  const numeric = keys.get(name).numeric;
  return [...found].sort(([a], [b]) => (a === NOT_SET) - (b === NOT_SET) || (numeric ? a - b : a.localeCompare(b, "en")));
};

const emptyFilter = (name) => {
  const values = valuesOf(name).length;
  if (keys.get(name).numeric && values > FEW_NUMBERS) return { kind: "range", low: null, high: null };
  return values > MANY_VALUES ? { kind: "has", text: "" } : { kind: "is", values: new Set() };
};

const passes = (run, name, filter) => {
  const value = valueOf(run, name);
  if (filter.kind === "is") return !filter.values.size || filter.values.has(asText(value));
  if (filter.kind === "has") return asText(value).toLowerCase().includes(filter.text.toLowerCase());
  if (filter.low === null && filter.high === null) return true;
  return typeof value === "number" && (filter.low === null || value >= filter.low) && (filter.high === null || value <= filter.high);
};

const isShown = (run) => {
  const prompt = data.rows[run.row].prompt.toLowerCase();
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  return !state.hidden.has(data.variants[run.variant]) && words.every((word) => prompt.includes(word))
    && [...state.filters].every(([name, filter]) => passes(run, name, filter));
};

// Values of one kind; what is missing comes last, whichever way the rest goes.
const compare = (a, b) => {
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return state.down ? -order : order;
};

const sorted = (list) => {
  if (!state.sort) return state.down ? [...list].reverse() : list;
  return [...list].sort((a, b) => compare(valueOf(a, state.sort), valueOf(b, state.sort)) || a.index - b.index);
};

// A row counts by the mean of its shown runs, or by its first run where values are texts.
const rowValue = (list) => {
  const values = list.map((run) => valueOf(run, state.sort)).filter((value) => value !== undefined);
  if (!values.length || !keys.get(state.sort).numeric) return values[0];
  return values.reduce((sum, value) => sum + value, 0) / values.length;
};

const rowsOf = (list) => {
  const rows = new Map();
  for (const run of list) rows.set(run.row, [...(rows.get(run.row) ?? []), run]);
  const entries = [...rows].sort(([a], [b]) => a - b);
  if (!state.sort) return state.down ? entries.reverse() : entries;
  const worth = new Map(entries.map(([row, members]) => [row, rowValue(members)]));
  return entries.sort(([a], [b]) => compare(worth.get(a), worth.get(b)) || a - b);
};

// The run that another is compared with: the reference variant's of the same prompt and seed.
const partners = new Map();
for (const run of runs) {
  const place = `${run.row} ${run.variant}`;
  if (!partners.get(place)?.picture) partners.set(place, run);
}
const partnerOf = (run) => partners.get(`${run.row} ${data.variants.indexOf(state.reference)}`) ?? null;
