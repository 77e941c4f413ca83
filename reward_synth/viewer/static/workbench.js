// The workbench: a person's order of behaviour, and how well a reward's text agrees with it as it is typed.

import { colour, refusal, short } from "/static/chart.js";

const root = document.getElementById("bench");
const base = `/run/${root.dataset.run}/workbench`;
const state = document.getElementById("state");
const source = document.getElementById("source");
const picker = document.getElementById("reward");
const TYPING = 120;
let rewards = {};
let groups = []; // {name, typical, members, words, sources, ranked, tied}, in the person's order
let pairs = []; // All that the person has answered; the first of them are stored already.
let stored = 0;
let payment = null;
let iteration = null;
let touched = false; // An order that the person has not touched is not said again.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

async function ask(path, body) {
  const answer = await fetch(`${base}/${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await refusal(answer));
  return answer.json();
}

/** Ranks of episode ids, the best first, as the server takes them. */
function order() {
  const ranks = [];
  for (const group of groups.filter((each) => each.ranked)) {
    if (group.tied && ranks.length) ranks[ranks.length - 1] = ranks.at(-1).concat(group.members);
    else ranks.push([...group.members]);
  }
  return ranks.length > 1 ? ranks : [];
}

const said = (more = {}) => ({ order: order(), pairs, source: source.value, ...more });

/** Groups begin alike, so their films play by themselves, over and over, unless the person wants no motion. */
const moving = !matchMedia("(prefers-reduced-motion: reduce)").matches;

function film(episode, label, playing = false) {
  const video = element("video", { controls: true, preload: "metadata", playsinline: true, autoplay: playing, loop: playing, muted: playing, "aria-label": label });
  video.dataset.episode = episode;
  return video;
}

/** Give each film its address once it is drawn. One question for all: waiting requests would block the others. */
async function loadFilms() {
  try {
    await askForFilms();
  } catch (error) {
    state.textContent = error.message;
  } finally {
    setTimeout(loadFilms, 700);
  }
}

async function askForFilms() {
  const missing = [...document.querySelectorAll("video[data-episode]:not([src])")];
  if (missing.length) {
    const { ready, failed } = await ask("films", { members: [...new Set(missing.map((each) => each.dataset.episode))] });
    for (const video of missing) {
      const episode = video.dataset.episode;
      if (ready.includes(episode)) video.src = `${base}/film?episode=${encodeURIComponent(episode)}`;
      else if (episode in failed) video.replaceWith(element("p", { class: "note" }, `no film: ${failed[episode]}`));
    }
  }
}

function move(index, by) {
  const [group] = groups.splice(index, 1);
  groups.splice(Math.max(0, Math.min(groups.length, index + by)), 0, group);
  group.ranked = true;
  changed(group);
}

async function split(index) {
  try {
    const { groups: parts } = await ask("split", { members: groups[index].members });
    // Nobody has said yet which part is better, so they share the rank.
    const { name, tied } = groups[index];
    const made = parts.map((part, number) => ({ ...groups[index], ...part, name: `${name}${number + 1}`, tied: number > 0 || tied }));
    groups.splice(index, 1, ...made);
    drawRanks(made[0]);
    drawPayments();
  } catch (error) {
    state.textContent = error.message;
  }
}

function drawRanks(focus) {
  const list = document.getElementById("ranks");
  // Films stay where they are in the page as long as their group exists: a playing one must not start anew.
  const kept = new Map([...list.querySelectorAll("video")].map((video) => [video.dataset.episode, video]));
  let rank = 0;
  list.replaceChildren(
    ...groups.map((group, index) => {
      if (group.ranked && !group.tied) rank += 1;
      const place = group.ranked ? `rank ${Math.max(1, rank)}` : "not judged";
      const from = Object.entries(group.sources).map(([name, count]) => `${count} of ${name}`).join(", ");
      const button = (label, act, options = {}) => element("button", { type: "button", onclick: act, ...options }, label);
      return element(
        "li",
        { class: group.ranked ? "ranked" : "", "data-group": group.name },
        kept.get(group.typical) ?? film(group.typical, `typical episode of group ${group.name}`, moving),
        element(
          "div",
          {},
          element("p", {}, element("b", {}, `${group.name}: ${place}. `), group.words),
          element("p", { class: "note" }, `${group.members.length} ${group.members.length === 1 ? "episode" : "episodes"}: ${from}`),
          element(
            "p",
            { class: "row" },
            button("▲ better", () => move(index, -1), { "aria-label": `group ${group.name} is better`, disabled: index === 0 }),
            button("▼ worse", () => move(index, 1), { "aria-label": `group ${group.name} is worse`, disabled: index === groups.length - 1 }),
            button(group.ranked ? "leave out" : "judge", () => { group.ranked = !group.ranked; changed(group); }, { "aria-label": `${group.ranked ? "leave out" : "judge"} group ${group.name}` }),
            element("label", {}, element("input", { type: "checkbox", checked: group.tied, disabled: index === 0, onchange: (event) => { group.tied = event.target.checked; changed(group); } }), " as good as the one above"),
            button("split", () => split(index), { "aria-label": `split group ${group.name}`, disabled: group.members.length < 2 }),
          ),
        ),
      );
    }),
  );
  if (focus) list.querySelector(`[data-group="${CSS.escape(focus.name)}"] button:not([disabled])`)?.focus();
}

function drawPair(pair) {
  const box = document.getElementById("pair");
  if (!pair) {
    box.replaceChildren(element("p", { class: "note" }, "There is no pair left to ask about."));
    return;
  }
  const answer = (choice, label) => element("button", { type: "button", onclick: async () => {
    pairs = pairs.concat({ first: pair[0], second: pair[1], answer: choice });
    pay();
    compareAll();
    drawPair((await ask("pair", said())).pair);
  } }, label);
  box.replaceChildren(
    element("div", { class: "films" }, ...pair.map((episode, number) => element("figure", {}, film(episode, `episode ${number + 1} of the pair`)))),
    element("p", { class: "row" }, answer("first", "the first is better"), answer("second", "the second is better"), answer("same", "they are as good"), answer("cannot tell", "I cannot tell")),
  );
}

function drawPayments() {
  const table = document.getElementById("payments");
  const findings = document.getElementById("findings");
  findings.replaceChildren(...payment.findings.map((each) => element("p", { class: `finding ${each.severity}` }, each.text)));
  const badge = document.getElementById("agreement");
  const compared = order().length || pairs.length;
  const none = !compared ? "order something first" : payment.terms.length ? "it pays all that you compared alike" : "it cannot be run";
  badge.textContent = `agreement with you: ${payment.agreement ? payment.agreement.text : none}`;
  badge.classList.toggle("failed", Boolean(payment.agreement) && payment.agreement.value < 0);
  const mean = (members, value) => members.reduce((sum, each) => sum + value(each), 0) / members.length;
  const head = element("tr", {}, element("th", {}, "group"), element("th", { class: "n" }, "pays"), ...payment.terms.map((term, index) => element("th", { class: `n ${colour(index)}` }, term)));
  const rows = groups.map((group) => {
    const known = group.members.filter((each) => each in payment.pay);
    const cells = known.length ? [mean(known, (each) => payment.pay[each]), ...payment.terms.map((_, index) => mean(known, (each) => payment.per_term[each][index]))] : [];
    return element("tr", {}, element("th", {}, group.name), ...cells.map((value) => element("td", { class: "n" }, short(value))));
  });
  table.replaceChildren(head, ...rows);
  const films = payment.disagreements.filter((each) => each.share > 0);
  const box = document.getElementById("disagreements");
  const kept = new Map([...box.querySelectorAll("video")].map((video) => [video.dataset.episode, video]));
  box.replaceChildren(
    ...(films.length
      ? films.map((each) => element("figure", {}, kept.get(each.episode) ?? film(each.episode, each.episode), element("figcaption", {}, `${each.episode}: ${Math.round(100 * each.share)} % of its ${each.pairs} pairs the other way round`)))
      : [element("p", { class: "note" }, !payment.terms.length ? "The reward cannot be run; its findings say why." : compared ? "Nowhere." : "Order something first.")]),
  );
}

/** A number for each module constant of the text; changing it changes the text. */
function drawWeights() {
  const box = document.getElementById("weights");
  if (box.contains(document.activeElement)) return;
  const found = [...source.value.matchAll(/^([A-Za-z_]\w*)( *= *)(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?=[ \t]*(?:#|$))/gm)];
  box.replaceChildren(
    ...found.map((match) => {
      const size = Math.abs(Number(match[3])) || 1;
      const input = element("input", { type: "number", value: match[3], step: Number((size / 10).toPrecision(1)), "aria-label": match[1] });
      input.addEventListener("input", () => {
        if (input.value === "") return;
        const pattern = new RegExp(`^(${match[1]} *= *)[-+.\\deE]+`, "m");
        source.value = source.value.replace(pattern, (_, head) => head + input.value);
        typed();
      });
      return element("label", {}, `${match[1]} `, input);
    }),
  );
}

let waiting = null;
let asked = 0;
async function pay() {
  const number = (asked += 1);
  try {
    const found = await ask("pay", said());
    if (number !== asked) return; // A later text is on its way.
    payment = found;
    drawPayments();
    document.body.dataset.paid = String(number);
  } catch (error) {
    state.textContent = error.message;
  }
}

function typed() {
  clearTimeout(waiting);
  waiting = setTimeout(pay, TYPING);
}

let comparing = null;
let compared = Promise.resolve();
function compareAll() {
  clearTimeout(comparing);
  // One question at a time: each pays all rewards, and what is typed meanwhile waits for one of them only.
  comparing = setTimeout(() => (compared = compared.then(compareNow)), 300);
}

async function compareNow() {
  if (!order().length && !pairs.length) return;
  try {
    const found = await ask("agreements", said());
    const row = (name, value, best = false) => element("tr", { class: best ? "best" : "" }, element("th", {}, name), element("td", {}, value?.text ?? "alike in all pairs"));
    const ranked = Object.entries(found.rewards).sort(([, a], [, b]) => (b?.value ?? -2) - (a?.value ?? -2));
    const doubt = found.fitness && found.fitness.value < 0 ? " The measure may be wrong: it ranks against you." : "";
    state.textContent = `The frozen fitness agrees with you at ${found.fitness?.text ?? "–"}.${doubt}`;
    document.getElementById("agreements").replaceChildren(
      row("the frozen fitness", found.fitness), row("the frozen success", found.success), ...ranked.map(([name, value], place) => row(name, value, place === 0)),
    );
  } catch (error) {
    state.textContent = error.message;
  }
}

function changed(focus) {
  touched = true;
  drawRanks(focus);
  pay();
  compareAll();
}

function choose() {
  source.value = rewards[picker.value] ?? "";
  drawWeights();
  pay();
}

async function start() {
  const found = await ask("behaviours", {});
  rewards = found.rewards;
  pairs = found.pairs;
  stored = pairs.length;
  iteration = found.iteration;
  groups = found.groups.map((group, index) => ({ ...group, name: String.fromCharCode(65 + index), ranked: group.rank !== null, tied: false }));
  const wanted = new URLSearchParams(location.search).get("reward");
  if (wanted in rewards) picker.value = wanted;
  state.textContent = `${found.episodes} episodes in ${groups.length} groups.`;
  drawRanks();
  drawPair(found.pair);
  choose();
  compareAll();
  loadFilms();
}

picker.addEventListener("change", choose);
source.addEventListener("input", () => {
  drawWeights();
  typed();
});
document.getElementById("send").addEventListener("click", async () => {
  const tried = document.getElementById("try").checked;
  const note = document.getElementById("note");
  const sent = document.getElementById("sent");
  try {
    const { answer } = await ask("answer", said({ iteration, order: touched ? order() : null, pairs: pairs.slice(stored), note: note.value, edited_from: tried ? picker.value : null }));
    touched = false;
    stored = pairs.length;
    note.value = "";
    sent.textContent = `Sent: ${answer}. The next prompt says which groups you prefer, and what rewards pay there.`;
  } catch (error) {
    sent.textContent = error.message;
  }
});
try {
  await start();
} catch (error) {
  state.textContent = error.message;
}
