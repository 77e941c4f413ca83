// A candidate's page: the course of its training, and films with their terms under one playhead.

import { STEPS, SUCCESS, colour, draw, fitnessName, getJson, legend, refusal, short } from "/static/chart.js";

const facts = document.getElementById("candidate").dataset;
const base = `/run/${facts.run}/candidate/${facts.candidate}`;

async function drawTraining() {
  const data = await getJson(`${base}/curves`);
  const steps = data.points.map((point) => point.step);
  const along = (values) => values.map((value, at) => [steps[Math.round((at * (steps.length - 1)) / Math.max(1, values.length - 1))], value]);
  const show = (id, curves, options) => {
    const svg = document.getElementById(id);
    draw(svg, curves, { xName: STEPS, ...options });
    legend(svg.parentElement.querySelector(".legend"), curves, (curve) => short(curve.points.at(-1)?.[1]));
  };
  show("training-chart", [
    { name: "success", index: 0, points: data.points.map((point) => [point.step, point.success]) },
    { name: "fitness", index: 1, points: data.points.map((point) => [point.step, point.fitness]),
      band: data.points.map((point) => [point.step, point.fitness - point.deviation, point.fitness + point.deviation]) },
  ], { yName: `${SUCCESS}; ${fitnessName(data.unit)}`, threshold: data.threshold });
  const curves = (key) => data.terms.map((term, index) => ({ name: term.name, index, points: along(term[key]) }));
  show("terms-chart", curves("mean"), { yName: "reward per step" });
  show("shares-chart", curves("share"), { yName: "share of what is paid, 0 to 1", range: [0, 1] });
}

async function join(figure) {
  const name = figure.dataset.film;
  const video = figure.querySelector("video");
  const svg = figure.querySelector("svg");
  const list = figure.querySelector(".legend");
  const caption = figure.querySelector("figcaption");
  const film = await getJson(`${base}/film/${name}.json`);
  const frames = film.frames;
  const terms = [...new Set(frames.flatMap((frame) => Object.keys(frame.terms ?? {})))];
  const paid = frames.map((frame, at) => [at / film.fps, frame]).filter(([, frame]) => Object.keys(frame.terms ?? {}).length);
  const curves = terms.map((term, index) => ({ name: term, index, points: paid.map(([at, frame]) => [at, frame.terms[term] ?? NaN]) }));
  const length = (frames.length - 1) / film.fps;
  svg.setAttribute("aria-valuemax", length.toFixed(2));
  svg.toggleAttribute("hidden", !curves.length);
  figure.querySelector("form").toggleAttribute("hidden", frames.some((each) => each.evaluation));
  const seek = (time) => {
    video.currentTime = Math.min(length, Math.max(0, time));
  };
  const follow = () => {
    const at = Math.min(frames.length - 1, Math.round(video.currentTime * film.fps));
    const frame = frames[at];
    draw(svg, curves, { xName: "time in the film, s", yName: "reward per step", playhead: video.currentTime, onSeek: seek });
    legend(list, curves, (curve) => short(frame.terms?.[curve.name]));
    svg.setAttribute("aria-valuenow", video.currentTime.toFixed(2));
    if (frame.evaluation) {
      const { step, success, fitness } = frame.evaluation;
      caption.textContent = `${name}: after ${step} steps of training, success ${Math.round(100 * success)} %, fitness ${short(fitness)}`;
      return;
    }
    const success = frame.success ? ", success" : "";
    caption.textContent = `${name}: step ${frame.step}, ${frame.seconds} s, fitness so far ${short(frame.fitness)}${success}`;
  };
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -0.2, ArrowRight: 0.2, Home: -Infinity, End: Infinity };
    if (!(event.key in moves)) return;
    event.preventDefault();
    seek(video.currentTime + moves[event.key]);
  });
  figure.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { note } = event.target.elements;
    const frame = frames[Math.min(frames.length - 1, Math.round(video.currentTime * film.fps))];
    const episode = `${facts.candidate}/${film.episode.replace(/\.npz$/, "")}`;
    const moments = [{ candidate: facts.candidate, episode, second: frame.seconds, note: note.value }];
    const told = event.target.querySelector("[role=status]");
    told.textContent = "is being sent";
    const answer = await fetch(`/run/${facts.run}/workbench/moment`, { method: "POST", body: JSON.stringify({ moments }) });
    told.textContent = answer.ok ? `noted at ${frame.seconds} s; the next prompt says so` : await refusal(answer);
    if (answer.ok) note.value = "";
  });
  let playing = false;
  const frame = () => {
    follow();
    if (playing) requestAnimationFrame(frame);
  };
  video.addEventListener("play", () => {
    playing = true;
    frame();
  });
  video.addEventListener("pause", () => (playing = false));
  video.addEventListener("seeked", follow);
  video.addEventListener("timeupdate", follow);
  addEventListener("resize", follow);
  follow();
}

/** The table of recorded episodes, which runs the reward on them, so only once somebody wants to see it. */
async function drawPaid(details) {
  const table = details.querySelector("table");
  table.textContent = "The reward runs on the recorded episodes…";
  const source = JSON.parse(document.getElementById("source").textContent);
  const answer = await fetch(`/run/${facts.run}/workbench/pay`, { method: "POST", body: JSON.stringify({ source }) });
  if (!answer.ok) {
    table.textContent = await refusal(answer);
    return;
  }
  const { terms, pay, per_term: perTerm } = await answer.json();
  const cell = (name, text, kind = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = kind;
    return made;
  };
  const row = (...cells) => {
    const made = document.createElement("tr");
    made.append(...cells);
    return made;
  };
  const head = row(cell("th", "episode"), cell("th", "pays", "n"), ...terms.map((term, index) => cell("th", term, `n ${colour(index)}`)));
  const ordered = Object.keys(pay).sort((a, b) => b.startsWith("reference") - a.startsWith("reference") || a.localeCompare(b));
  const rows = ordered.map((name) => row(cell("th", name), ...[pay[name], ...perTerm[name]].map((value) => cell("td", short(value), "n"))));
  table.replaceChildren(head, ...rows);
}

document.getElementById("paid")?.addEventListener("toggle", (event) => drawPaid(event.target), { once: true });
await drawTraining();
addEventListener("resize", drawTraining);
await Promise.all([...document.querySelectorAll("figure[data-film]")].map(join));
