// A run's page: its curves, its ancestry, and what happens while somebody looks.

import { STEPS, SUCCESS, draw, fitnessName, getJson, legend, short, svgElement, trainingCurves } from "/static/chart.js";

const root = document.getElementById("run");
const base = `/run/${root.dataset.run}`;
const stage = document.getElementById("stage");
const events = document.getElementById("events");
const MOST_EVENTS = 500;
const MOST_CURVES = 16;
let data = { curves: {}, parents: {}, unit: "", threshold: null };

/** The candidates whose curves are shown: all, or the best and the newest if there are many. */
function shown() {
  const names = Object.keys(data.curves);
  if (names.length <= MOST_CURVES) return names;
  const last = (name) => data.curves[name].at(-1);
  const ranked = [...names].sort((a, b) => last(b).success - last(a).success || last(b).fitness - last(a).fitness);
  return [...new Set([...ranked.slice(0, MOST_CURVES / 2), ...names.slice(-MOST_CURVES / 2)])];
}

function drawCurves() {
  const names = shown();
  const { success, fitness } = trainingCurves(data.curves, names);
  draw(document.getElementById("success-chart"), success, { xName: STEPS, yName: SUCCESS, range: [0, 1], threshold: data.threshold });
  draw(document.getElementById("fitness-chart"), fitness, { xName: STEPS, yName: fitnessName(data.unit) });
  const list = document.getElementById("legend");
  legend(list, success, (curve) => {
    const point = data.curves[curve.name].at(-1);
    return `${Math.round(100 * point.success)} %, ${short(point.fitness)}`;
  });
  const left = Object.keys(data.curves).length - names.length;
  if (left > 0) {
    const item = document.createElement("li");
    item.textContent = `${left} more candidates are in the table; tick some there to compare them`;
    list.append(item);
  }
}

function drawLineage() {
  const names = Object.keys(data.parents);
  const columns = new Map();
  for (const name of names) {
    const column = Number(name.split("-")[0]);
    columns.set(column, [...(columns.get(column) ?? []), name]);
  }
  const place = new Map();
  [...columns.keys()].sort((a, b) => a - b).forEach((column, x) => {
    columns.get(column).forEach((name, y) => place.set(name, [20 + x * 110, 20 + y * 24]));
  });
  const tallest = Math.max(1, ...[...columns.values()].map((each) => each.length));
  const svg = svgElement("svg", { class: "lineage", width: columns.size * 110 + 40, height: tallest * 24 + 20 });
  for (const name of names) {
    const [x, y] = place.get(name);
    for (const parent of data.parents[name]) {
      if (!place.has(parent)) continue;
      const [px, py] = place.get(parent);
      svg.append(svgElement("path", { d: `M${px + 46} ${py}C${px + 78} ${py} ${x - 32} ${y} ${x - 4} ${y}` }));
    }
    const link = svgElement("a", { href: `${base}/candidate/${name}` });
    link.append(svgElement("text", { x, y: y + 4 }, name));
    svg.append(link);
  }
  document.getElementById("lineage").replaceChildren(svg);
}

async function loadCurves() {
  try {
    data = await getJson(`${base}/curves`);
  } catch (error) {
    stage.textContent = error.message; // The rest of the page goes on.
  }
  drawCurves();
  drawLineage();
}

/** Fetch the changing part again; what a person has typed or ticked stays. */
let pending = null;
function refresh() {
  pending ??= setTimeout(async () => {
    pending = null;
    const answer = await fetch(`${base}/table`);
    if (!answer.ok) return;
    const ticked = [...root.querySelectorAll("input:checked")].map((each) => each.value);
    const typed = Object.fromEntries(["prefer", "verdict", "note"].map((id) => [id, document.getElementById(id)?.value]));
    const focused = document.activeElement?.id;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    root.replaceChildren(...fresh.body.children);
    for (const box of root.querySelectorAll("input[type=checkbox]")) box.checked = ticked.includes(box.value);
    for (const [id, value] of Object.entries(typed)) {
      const field = document.getElementById(id);
      if (field && value) field.value = value;
    }
    if (focused && root.contains(document.getElementById(focused))) document.getElementById(focused).focus();
    await loadCurves();
  }, 300);
}

function hear(told) {
  if (told.lines.length) stage.textContent = told.lines.at(-1);
  if (told.progress) {
    const { candidate, point, seed } = told.progress;
    const points = point && seed === 0 ? (data.curves[candidate] ??= []) : null;
    if (points && !(points.at(-1)?.step >= point.step)) {
      points.push({ step: point.step, success: point.success, fitness: point.fitness, deviation: point.fitness_deviation });
      drawCurves();
    }
  }
  if (told.passing) return;
  const follows = events.scrollTop + events.clientHeight >= events.scrollHeight - 8;
  for (const line of told.lines) {
    const item = document.createElement("li");
    item.textContent = line;
    events.append(item);
  }
  while (events.children.length > MOST_EVENTS) events.firstElementChild.remove();
  if (follows) events.scrollTop = events.scrollHeight;
  refresh();
}

events.scrollTop = events.scrollHeight;
addEventListener("resize", drawCurves);
await loadCurves();
// A browser reconnects by itself, and says which event it heard last. A page that nobody sees gives its connection
// free: a browser has six for one server.
let heard = root.dataset.offset;
let source = null;
function listen() {
  if (document.hidden) {
    source?.close();
    source = null;
  } else if (source === null) {
    source = new EventSource(`${base}/events?from=${heard}`);
    source.onmessage = (message) => {
      heard = message.lastEventId;
      JSON.parse(message.data).forEach(hear);
    };
  }
}
document.addEventListener("visibilitychange", listen);
listen();
