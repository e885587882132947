"use strict";
// One participant's way through the study: consent, the pairs, thanks. The server draws the plan and stores the answers.
(() => {
  const PAUSE_MS = 350; // at the end of a round, so that the jump to the beginning is not mistaken for flicker
  const MAX_DRIFT_S = 0.05;
  const $ = (id) => document.getElementById(id);
  const requested = new URLSearchParams(location.search).get("study");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let state = null; // {participant, study, plan, chosen}
  let index = 0;
  let shown = null; // {videos, plays, since, playing}
  let busy = false;
  const ready = new Map(); // number of a pair -> its two video elements, loading ahead

  // This browser remembers the code of the participant and which studies were finished here.
  const slot = `latentman-study${requested ? `-${requested}` : ""}`;
  const recall = () => {
    try {
      return JSON.parse(localStorage.getItem(slot)) ?? {};
    } catch {
      return {};
    }
  };
  const remember = (what) => {
    try {
      localStorage.setItem(slot, JSON.stringify(what));
    } catch {
      // Without storage the study works, but cannot be resumed.
    }
  };
  const doneBefore = () => (Array.isArray(recall().done) ? recall().done.slice(-50) : []);

  const ask = async (path, body) => {
    let response;
    try {
      response = await fetch(`api/${path}`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
    } catch {
      throw new Error("The study cannot be reached. Check your connection.");
    }
    const data = await response.json().catch(() => ({}));
    if (!response.ok) {
      throw Object.assign(new Error(`The server answered: ${data.error ?? response.status}.`), { status: response.status });
    }
    return data;
  };
  const view = (name) => {
    for (const part of ["consent", "pair", "done"]) $(part).hidden = part !== name;
    document.body.dataset.view = name;
    scrollTo(0, 0);
  };
  const trouble = (error, again) => {
    $("reason").textContent = error.message;
    $("trouble").hidden = false;
    $("retry").onclick = () => {
      $("trouble").hidden = true;
      again();
    };
  };

  // Two videos, one clock: both start together, and at the end of a round both wait for the slower one.
  const prepare = (number) => {
    if (number >= state.plan.length) return null;
    if (!ready.has(number)) {
      const videos = ["left", "right"].map((side) => {
        const video = document.createElement("video");
        Object.assign(video, { muted: true, playsInline: true, preload: "auto", disablePictureInPicture: true });
        video.tabIndex = -1;
        video.src = `videos/${state.plan[number][side]}.mp4`;
        video.load();
        return video;
      });
      ready.set(number, videos);
    }
    return ready.get(number);
  };
  const once = (target, good, bad) => new Promise((resolve, reject) => {
    target.addEventListener(good, resolve, { once: true });
    if (bad) target.addEventListener(bad, () => reject(new Error("A video of this pair could not be loaded.")), { once: true });
  });
  const loaded = (video) => {
    if (video.error) return Promise.reject(new Error("A video of this pair could not be loaded."));
    return video.readyState >= 3 ? Promise.resolve() : once(video, "canplay", "error");
  };
  const rewind = (video) => {
    video.pause();
    if (video.currentTime === 0 && !video.ended) return Promise.resolve();
    const seeked = once(video, "seeked", "error");
    video.currentTime = 0;
    return seeked;
  };
  const playRound = async (mine) => {
    const round = (mine.round = (mine.round ?? 0) + 1);
    const current = () => shown === mine && mine.round === round;
    try {
      await Promise.all(mine.videos.map(rewind));
      if (!current()) return;
      const ended = mine.videos.map((video) => once(video, "ended"));
      await Promise.all(mine.videos.map((video) => video.play()));
      mine.since ??= performance.now();
      requestAnimationFrame(() => follow(mine, round));
      await Promise.all(ended);
    } catch (error) {
      // Another round, another pair or a hidden page interrupted this one. A browser that forbids playing needs a key press.
      if (current() && error.name === "NotAllowedError") $("hint").textContent = "Press “Play again” to begin.";
      else if (current() && error.name !== "AbortError") trouble(error, () => show(index));
      return;
    }
    if (!current()) return;
    mine.plays += 1;
    document.body.dataset.plays = mine.plays;
    allow();
    if (still) return;
    await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
    if (current()) playRound(mine);
  };
  const follow = (mine, round) => {
    if (shown !== mine || mine.round !== round) return;
    const [one, two] = mine.videos;
    if (!one.ended && !two.ended && !one.seeking && !two.seeking) {
      const drift = two.currentTime - one.currentTime;
      document.body.dataset.drift = Math.abs(drift).toFixed(4);
      if (Math.abs(drift) > MAX_DRIFT_S) two.currentTime = one.currentTime;
    }
    requestAnimationFrame(() => follow(mine, round));
  };

  const allow = () => {
    const may = shown.plays > 0 && !busy;
    for (const side of ["left", "right"]) $(`choose-${side}`).disabled = !may;
    $("hint").textContent = may ? "" : "Watch both videos once, then choose.";
    document.body.dataset.ready = may ? "yes" : "no";
  };
  const show = async (number) => {
    index = number;
    const { plan, chosen } = state;
    const count = Object.keys(chosen).length;
    view("pair");
    $("progress").max = plan.length;
    $("progress").value = count;
    $("where").textContent = `Pair ${number + 1} of ${plan.length}`;
    $("back").disabled = number === 0;
    for (const video of shown?.videos ?? []) video.pause();
    const failed = (ready.get(number) ?? []).some((video) => video.error);
    if (failed) ready.delete(number);
    const mine = { videos: prepare(number), plays: 0, since: null };
    shown = mine;
    for (const side of ["left", "right"]) {
      $(side).replaceChildren(mine.videos[side === "left" ? 0 : 1]);
      $(`choose-${side}`).classList.toggle("chosen", chosen[plan[number].pair] === side);
    }
    Object.assign(document.body.dataset, { pair: number, plays: 0, ready: "no" });
    allow();
    try {
      await Promise.all(mine.videos.map(loaded));
    } catch (error) {
      if (shown === mine) trouble(error, () => show(number));
      return;
    }
    if (shown !== mine) return;
    const [width, height] = [mine.videos[0].videoWidth, mine.videos[0].videoHeight];
    for (const side of ["left", "right"]) $(side).style.aspectRatio = `${width} / ${height}`;
    prepare(number + 1);
    for (const old of [...ready.keys()]) if (Math.abs(old - number) > 1) ready.delete(old);
    if (still) $("hint").textContent = "Press “Play again” to see both.";
    else playRound(mine);
  };
  const next = () => {
    const open = state.plan.findIndex(({ pair }) => !(pair in state.chosen));
    if (open >= 0) show(open);
    else finish();
  };
  const choose = async (side) => {
    if (busy || !shown || shown.plays === 0) return;
    busy = true;
    const { pair } = state.plan[index];
    const seconds = Math.min(86400, (performance.now() - shown.since) / 1000);
    for (const each of ["left", "right"]) $(`choose-${each}`).classList.toggle("chosen", each === side);
    try {
      const [answered] = await Promise.all([
        ask("answer", { participant: state.participant, pair, choice: side, seconds, plays: shown.plays }),
        new Promise((resolve) => { setTimeout(resolve, 160); }),
      ]);
      state = answered;
      busy = false;
      next();
    } catch (error) {
      busy = false;
      trouble(error, () => choose(side));
    }
  };
  const finish = () => {
    shown?.videos.forEach((video) => video.pause());
    shown = null;
    ready.clear();
    const done = [...new Set([...doneBefore(), state.study])];
    remember({ participant: state.participant, done });
    $("code").textContent = state.participant.slice(0, 10);
    $("another").hidden = requested !== null || done.length >= Number(document.body.dataset.studies);
    view("done");
  };
  const begin = async () => {
    if (busy) return;
    busy = true;
    try {
      ready.clear();
      state = await ask("begin", { study: requested, done: doneBefore() });
      remember({ participant: state.participant, done: doneBefore() });
      busy = false;
      next();
    } catch (error) {
      trouble(error, begin);
    } finally {
      busy = false;
    }
  };
  const resume = async () => {
    const { participant } = recall();
    if (typeof participant !== "string") return view("consent");
    try {
      state = await ask("resume", { participant });
      return next();
    } catch (error) {
      if (error.status !== 400 && error.status !== 404) return trouble(error, resume);
      remember({}); // the code is of another study, which this address served before
      return view("consent");
    }
  };

  $("begin").addEventListener("click", begin);
  $("again").addEventListener("click", begin);
  $("fresh").addEventListener("click", () => {
    remember({});
    view("consent");
  });
  $("choose-left").addEventListener("click", () => choose("left"));
  $("choose-right").addEventListener("click", () => choose("right"));
  $("replay").addEventListener("click", () => shown && playRound(shown));
  $("back").addEventListener("click", () => index > 0 && !busy && show(index - 1));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || $("pair").hidden || !$("trouble").hidden) return;
    const actions = {
      ArrowLeft: () => choose("left"), ArrowRight: () => choose("right"),
      " ": () => $("replay").click(), Backspace: () => $("back").click(),
    };
    if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && shown && shown.since !== null) playRound(shown);
  });
  resume();
})();
