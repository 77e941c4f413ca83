// Candidates side by side: their films in step, their curves in one chart.

import { STEPS, SUCCESS, draw, fitnessName, getJson, legend, short, trainingCurves } from "/static/chart.js";

const facts = document.getElementById("compare").dataset;
const names = facts.names.split(",");

// The buttons work before the curves have come.
const videos = [...document.querySelectorAll("video")];
const play = document.getElementById("play");
const seek = document.getElementById("seek");
if (play) {
  const longest = () => videos.reduce((best, each) => ((each.duration || 0) > (best.duration || 0) ? each : best));
  play.addEventListener("click", () => {
    const start = longest().paused;
    for (const video of videos) {
      if (!start) video.pause();
      else {
        video.currentTime = longest().ended ? 0 : longest().currentTime;
        video.play();
      }
    }
    play.textContent = start ? "pause" : "play all in step";
  });
  seek.addEventListener("input", () => {
    for (const video of videos) video.currentTime = (seek.value / 1000) * (longest().duration || 0);
  });
  for (const video of videos) {
    video.addEventListener("timeupdate", () => {
      const lead = longest();
      if (video === lead && document.activeElement !== seek) seek.value = (1000 * lead.currentTime) / (lead.duration || 1);
    });
    video.addEventListener("ended", () => {
      if (video === longest()) play.textContent = "play all in step";
    });
  }
}

const { curves, threshold, unit } = await getJson(`/run/${facts.run}/curves`);

function show() {
  const { success, fitness } = trainingCurves(curves, names);
  draw(document.getElementById("success-chart"), success, { xName: STEPS, yName: SUCCESS, range: [0, 1], threshold });
  draw(document.getElementById("fitness-chart"), fitness, { xName: STEPS, yName: fitnessName(unit) });
  legend(document.getElementById("legend"), success, (curve) => short(curve.points.at(-1)?.[1]));
}
show();
addEventListener("resize", show);
