// The runs on the page: a table of prompts by variants, or cards one after the other.
const make = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const gridOf = (list) => {
  const shown = data.variants.map((_, number) => number).filter((number) => list.some((run) => run.variant === number));
  const heads = shown.map((number) => make("th", { scope: "col" }, data.variants[number]));
  const body = make("tbody");
  for (const [row, members] of rowsOf(list)) {
    const { prompt, seed } = data.rows[row];
    const title = make("div", { class: "row-title" }, prompt);
    if (seed !== "") title.append(make("span", { class: "why" }, ` seed ${seed}`));
    const cells = shown.map((number) => {
      const cards = members.filter((run) => run.variant === number).map((run) => run.card);
      const exists = runs.some((run) => run.row === row && run.variant === number);
      return make("td", {}, ...(cards.length ? cards : [make("div", { class: "empty" }, exists ? "filtered out" : "no such run")]));
    });
    body.append(make("tr", {}, make("th", { colspan: shown.length, scope: "rowgroup" }, title)), make("tr", {}, ...cells));
  }
  const table = make("table", { class: "variants" }, make("thead", {}, make("tr", {}, ...heads)), body);
  return make("div", { class: "scroll videos grid" }, table);
};

const widthOf = () => {
  if (state.size) return state.size;
  const variants = Math.max(1, data.variants.length - state.hidden.size);
  const room = element("stage").clientWidth / (state.view === "grid" ? Math.min(variants, 8) : 4) - 14;
  return Math.round(Math.min(state.view === "grid" ? 560 : 340, Math.max(state.view === "grid" ? 104 : 160, room)));
};

const extraOf = (run) => {
  const open = [...state.filters].filter(([, filter]) => filter.kind !== "is" || filter.values.size !== 1);
  const names = new Set([state.sort, ...open.map(([name]) => name)]);
  return [...names].filter((name) => name && !["human_mse", "variant", "prompt", "seed"].includes(name))
    .map((name) => `${nameOf(keys.get(name))}: ${readable(valueOf(run, name))}`);
};

const changeOf = (run) => {
  const other = partnerOf(run);
  if (!other || other === run || run.score === null || !(other.score > 0)) return "";
  const percent = 100 * (run.score / other.score - 1);
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(1)} %`;
};

const caption = (run) => {
  const other = partnerOf(run);
  const change = run.card.querySelector(".change");
  change.textContent = changeOf(run);
  change.title = change.textContent ? `change of H_MSE against ${state.reference}` : "";
  run.card.querySelector(".extra").replaceChildren(...extraOf(run).map((line) => make("span", {}, line)));
  const compared = state.mode !== "picture" && run.picture;
  const why = !compared || other?.picture ? "" : `nothing to compare with: ${state.reference} has no video for this prompt and seed`;
  run.card.querySelector(".pairing").textContent = compared && other === run ? "this is the reference" : why;
  if (!run.canvas) return;
  const modes = { difference: `times ${state.gain}, against`, flicker: "in turn with", wipe: "next to" };
  const mode = state.mode === "picture" ? "" : `; ${state.mode} ${modes[state.mode]} ${state.reference}`;
  run.canvas.setAttribute("aria-label", run.label + mode);
};

const arrange = () => {
  const list = sorted(runs.filter(isShown));
  list.forEach(caption);
  const stage = element("stage");
  stage.style.setProperty("--size", `${widthOf()}px`);
  if (!list.length) stage.replaceChildren(make("p", { class: "nothing" }, "No run matches. Remove a filter or press Reset."));
  else if (state.view === "grid") stage.replaceChildren(gridOf(list));
  else stage.replaceChildren(make("div", { class: "cards videos" }, ...list.map((run) => run.card)));
  element("count").textContent = `${list.length} of ${runs.length} ${runs.length === 1 ? "run" : "runs"} shown`;
  shownRuns = state.view === "grid" ? rowsOf(list).flatMap(([, members]) => [...members].sort((a, b) => a.variant - b.variant)) : list;
  refresh();
};
let shownRuns = [];
