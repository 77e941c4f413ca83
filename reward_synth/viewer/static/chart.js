// Line charts as SVG: curves with bands, a threshold, and a playhead that can be dragged.

const NS = "http://www.w3.org/2000/svg";
const MARGIN = { left: 48, right: 24, top: 24, bottom: 38 };

/** An SVG element with these attributes; text never becomes markup. */
export function svgElement(name, attributes = {}, text = "") {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

/** About three digits. */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** The class of a curve's colour; the ninth takes the first colour again, with dashes. */
export function colour(index) {
  return `t${index % 8}`;
}

function ticks(low, high) {
  const span = high - low || 1;
  const raw = span / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw);
  const first = Math.ceil(low / step);
  const count = Math.min(12, Math.floor(high / step + 1e-9) - first + 1);
  // Counted, because beside a huge value a step may change nothing.
  return Array.from({ length: Math.max(0, count) }, (_, index) => (first + index) * step);
}

/**
 * Draw curves.
 * @param svg the element, which is emptied.
 * @param curves a list of {name, points: [[x, y]], band: [[x, low, high]] or undefined, index}.
 * @param options xName, yName: what the axes count, with the unit; range: [low, high] of y; threshold: a y; playhead: an x; onSeek: called with an x.
 */
export function draw(svg, curves, options = {}) {
  svg.replaceChildren();
  const box = svg.getBoundingClientRect();
  const width = Math.max(box.width, 120);
  const height = Math.max(box.height, 80);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const points = curves.flatMap((curve) => curve.points);
  if (!points.length) {
    svg.append(svgElement("text", { x: MARGIN.left, y: height / 2 }, "nothing yet"));
    return;
  }
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]).filter(Number.isFinite);
  const bands = curves.flatMap((curve) => curve.band ?? []);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  let [y0, y1] = options.range ?? [
    Math.min(...ys, ...bands.map((each) => each[1])),
    Math.max(...ys, ...bands.map((each) => each[2])),
  ];
  const least = Math.max(1e-12, 1e-6 * Math.max(Math.abs(y0), Math.abs(y1)));
  if (!(y1 - y0 > least)) [y0, y1] = [y0 - Math.max(1, least), y1 + Math.max(1, least)];
  const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  const x = (value) => MARGIN.left + ((value - x0) / (x1 - x0 || 1)) * inner.width;
  const y = (value) => MARGIN.top + (1 - (value - y0) / (y1 - y0)) * inner.height;

  for (const tick of ticks(y0, y1)) {
    svg.append(svgElement("path", { class: "axis", d: `M${MARGIN.left} ${y(tick)}H${width - MARGIN.right}` }));
    svg.append(svgElement("text", { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
  }
  for (const tick of ticks(x0, x1)) {
    const label = tick >= 1000 ? `${short(tick / 1000)}k` : short(tick);
    svg.append(svgElement("text", { x: x(tick), y: height - MARGIN.bottom + 16, "text-anchor": "middle" }, label));
  }
  // Above the axis and not along it: units are long.
  svg.append(svgElement("text", { class: "name", x: 2, y: 13 }, options.yName ?? ""));
  svg.append(svgElement("text", { class: "name", x: width - MARGIN.right, y: height - 5, "text-anchor": "end" }, options.xName ?? ""));
  if (options.threshold !== undefined && options.threshold !== null) {
    const d = `M${MARGIN.left} ${y(options.threshold)}H${width - MARGIN.right}`;
    svg.append(svgElement("path", { class: "threshold", d }));
  }
  for (const curve of curves) {
    const group = svgElement("g", { class: colour(curve.index) });
    group.append(svgElement("title", {}, curve.name));
    if (curve.band && curve.band.length > 1) {
      const up = curve.band.map((each) => `${x(each[0])} ${y(each[2])}`);
      const down = curve.band.map((each) => `${x(each[0])} ${y(each[1])}`).reverse();
      group.append(svgElement("path", { class: "band", d: `M${up.join("L")}L${down.join("L")}Z` }));
    }
    const drawn = curve.points.filter((point) => Number.isFinite(point[1]));
    const line = svgElement("path", { class: "curve", d: "M" + drawn.map((p) => `${x(p[0])} ${y(p[1])}`).join("L") });
    if (curve.index >= 8) line.setAttribute("stroke-dasharray", "5 3");
    group.append(line);
    if (drawn.length === 1) group.append(svgElement("circle", { cx: x(drawn[0][0]), cy: y(drawn[0][1]), r: 3, fill: "currentcolor" }));
    svg.append(group);
  }
  if (options.playhead !== undefined) {
    const at = x(Math.min(x1, Math.max(x0, options.playhead)));
    svg.append(svgElement("path", { class: "playhead", d: `M${at} ${MARGIN.top}V${height - MARGIN.bottom}` }));
  }
  if (options.onSeek) {
    const seek = (event) => {
      const share = (event.clientX - svg.getBoundingClientRect().left - MARGIN.left) / inner.width;
      options.onSeek(x0 + Math.min(1, Math.max(0, share)) * (x1 - x0));
    };
    svg.onpointerdown = (event) => {
      svg.setPointerCapture(event.pointerId);
      seek(event);
    };
    svg.onpointermove = (event) => event.buttons && seek(event);
  }
}

/** Fill a list with the curves' names, each with the text that `value` gives for it. */
export function legend(list, curves, value = () => "") {
  list.replaceChildren(
    ...curves.map((curve) => {
      const item = document.createElement("li");
      item.className = colour(curve.index);
      item.textContent = curve.name + " ";
      const figure = document.createElement("b");
      figure.textContent = value(curve);
      item.append(figure);
      return item;
    }),
  );
}

/** Why the server refused something, in its own words. */
export async function refusal(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const told = [...page.querySelectorAll("main h1, main p")].map((each) => each.textContent.trim());
  return told.join(". ") || `refused: ${answer.status}`;
}

/** What a server answers as JSON; an error if it refuses. */
export async function getJson(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await refusal(answer));
  return answer.json();
}

export const STEPS = "environment steps";
export const SUCCESS = "success, share of episodes";

/** What a fitness axis counts. */
export function fitnessName(unit) {
  return unit ? `fitness, ${unit}` : "fitness";
}

/** The curves of several candidates as `draw` takes them, with the fitness's band. */
export function trainingCurves(byName, names = Object.keys(byName)) {
  const of = (name) => byName[name] ?? [];
  return {
    success: names.map((name, index) => ({ name, index, points: of(name).map((p) => [p.step, p.success]) })),
    fitness: names.map((name, index) => ({
      name,
      index,
      points: of(name).map((p) => [p.step, p.fitness]),
      band: of(name).map((p) => [p.step, p.fitness - p.deviation, p.fitness + p.deviation]),
    })),
  };
}
