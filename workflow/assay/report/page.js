"use strict";
// Tables: a click on a heading sorts, a text above filters. Without this script they are plain tables.
const number = cell => {
  const text = cell.dataset.value ?? cell.textContent.trim();
  return text === "" || Number.isNaN(Number(text)) ? null : Number(text);
};
const compare = (a, b) => {
  const [x, y] = [number(a), number(b)];
  if (x !== null && y !== null) return x - y;
  return a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
};
const empty = cell => ["", "–"].includes(cell.textContent.trim());

function sort(table, column, heading) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (empty(x) !== empty(y)) return empty(x) ? 1 : -1;  // what is missing stands last either way
    return down ? compare(y, x) : compare(x, y);
  });
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll(".scroll > table")) {
  if (!table.tHead || table.tBodies[0].rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    button.title = "sort";
    button.addEventListener("click", () => sort(table, column, heading));
    heading.append(button);
  });
  if (table.tBodies[0].rows.length > 3) {
    const filter = document.createElement("input");
    Object.assign(filter, { type: "search", placeholder: "filter rows", className: "filter", ariaLabel: "filter rows" });
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every(word => text.includes(word));
      }
    });
    table.parentElement.before(filter);
  }
}

// Plots to zoom into are drawn when they are unfolded.
for (const details of document.querySelectorAll("details.zoom")) {
  details.addEventListener("toggle", () => {
    const target = details.querySelector(".plot");
    if (!details.open || target.dataset.drawn) return;
    target.dataset.drawn = "yes";
    const { data, layout } = JSON.parse(details.querySelector("script").textContent);
    const nested = {};  // "xaxis.title.text" -> {xaxis: {title: {text}}}
    for (const [path, value] of Object.entries(layout)) {
      const keys = path.split(".");
      const last = keys.pop();
      keys.reduce((place, key) => place[key] ??= {}, nested)[last] = value;
    }
    Plotly.newPlot(target, data, { margin: { t: 60, r: 20, l: 70, b: 60 }, legend: { orientation: "h", y: -0.2 }, ...nested },
      { responsive: true, displaylogo: false });
  });
}
