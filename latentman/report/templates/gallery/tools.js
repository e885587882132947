// The controls above the runs: they change the state, and show it.
const option = (value, label) => make("option", { value }, label);

const keyOptions = (select, first) => {
  select.replaceChildren(option("", first));
  for (const group of new Set(data.keys.map((key) => key.group))) {
    const members = data.keys.filter((key) => key.group === group).map((key) => option(key.name, key.label));
    select.append(make("optgroup", { label: group }, ...members));
  }
};

const checkbox = (label, checked, change) => {
  const box = make("input", { type: "checkbox" });
  box.checked = checked;
  box.addEventListener("change", () => change(box.checked));
  return make("label", { class: "choice" }, box, label);
};

const bound = (name, filter, end, label, placeholder) => {
  const field = make("input", { type: "number", step: "any", placeholder, "aria-label": `${nameOf(keys.get(name))}, ${label}` });
  if (filter[end] !== null) field.value = filter[end];
  field.addEventListener("input", () => { filter[end] = numberOr(field.value, null); changed(); });
  return make("label", {}, label, field);
};

const filterParts = (name, filter) => {
  if (filter.kind === "is") {
    return valuesOf(name).map(([value, number]) => checkbox(`${value} (${number})`, filter.values.has(value), (on) => {
      if (on) filter.values.add(value);
      else filter.values.delete(value);
      changed();
    }));
  }
  if (filter.kind === "has") {
    const field = make("input", { type: "search", placeholder: "contains", "aria-label": `${nameOf(keys.get(name))} contains` });
    field.value = filter.text;
    field.addEventListener("input", () => { filter.text = field.value; changed(); });
    return [field];
  }
  const numbers = runs.map((run) => valueOf(run, name)).filter((value) => typeof value === "number");
  const ends = [Math.min(...numbers), Math.max(...numbers)].map(String);
  return [bound(name, filter, "low", "from", ends[0]), bound(name, filter, "high", "to", ends[1])];
};

const showFilters = () => {
  element("filters").replaceChildren(...[...state.filters].map(([name, filter]) => {
    const label = nameOf(keys.get(name));
    const remove = make("button", { type: "button", "aria-label": `Remove the filter by ${label}` }, "×");
    remove.addEventListener("click", () => { state.filters.delete(name); showFilters(); changed(); element("add").focus(); });
    return make("fieldset", { "data-filter": name }, make("legend", {}, label), ...filterParts(name, filter), remove);
  }));
};

const showVariants = () => {
  const boxes = data.variants.map((variant) => checkbox(variant, !state.hidden.has(variant), (on) => {
    if (on) state.hidden.delete(variant);
    else state.hidden.add(variant);
    changed();
  }));
  const all = make("button", { type: "button" }, "all");
  all.addEventListener("click", () => { state.hidden.clear(); showVariants(); changed(); });
  element("variant-list").replaceChildren(...boxes, all);
  element("variants").hidden = data.variants.length < 2;
};

const FIELDS = ["text", "view", "sort", "mode", "reference", "gain", "wipe", "speed"];

const showTools = () => {
  for (const name of FIELDS) if (element(name) !== document.activeElement) element(name).value = state[name];
  element("down").setAttribute("aria-pressed", state.down);
  element("size").value = widthOf();
  element("reference-label").hidden = state.mode === "picture";
  element("gain-label").hidden = state.mode !== "difference";
  element("wipe-label").hidden = state.mode !== "wipe";
};

const changed = () => {
  showTools();
  arrange();
  keepAddress();
};

const setMode = (mode) => {
  state.mode = mode;
  changed();
};

const prepareTools = () => {
  keyOptions(element("sort"), "the sweep's order");
  keyOptions(element("add"), "choose …");
  element("reference").replaceChildren(...data.variants.map((variant) => option(variant, variant)));
  for (const name of FIELDS) {
    element(name).addEventListener("input", () => {
      const { value } = element(name);
      state[name] = ["gain", "wipe", "speed"].includes(name) ? Number(value) : value;
      changed();
    });
  }
  element("size").addEventListener("input", () => {
    state.size = Number(element("size").value);
    element("stage").style.setProperty("--size", `${state.size}px`);
    keepAddress();
  });
  element("down").addEventListener("click", () => { state.down = !state.down; changed(); });
  element("reset").addEventListener("click", () => { state = { ...fresh(), frame: state.frame }; showFilters(); showVariants(); changed(); });
  element("add").addEventListener("input", () => {
    const name = element("add").value;
    element("add").value = "";
    if (!name) return;
    if (!state.filters.has(name)) state.filters.set(name, emptyFilter(name));
    showFilters();
    changed();
    document.querySelector(`[data-filter="${CSS.escape(name)}"] input`)?.focus();
  });
};
