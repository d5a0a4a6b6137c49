"use strict";
// The figures: Python made what they show, here they get the looks that they share.
const figures = JSON.parse(document.getElementById("figures").textContent);
const base = {
  autosize: true, margin: {l: 56, r: 16, t: 28, b: 48}, hovermode: "closest",
  paper_bgcolor: "#fff", plot_bgcolor: "#fff", font: {family: getComputedStyle(document.body).fontFamily, size: 13, color: "#1c2733"},
  legend: {orientation: "h", x: 0, y: 1.02, yanchor: "bottom"}, bargap: 0.25,
  // A finger that scrolls the page must not zoom a figure.
  dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
};
const axis = {gridcolor: "#e8edf2", linecolor: "#c6cfd8", showline: true, ticks: "outside", tickcolor: "#c6cfd8"};
for (const [name, figure] of Object.entries(figures)) {
  const layout = {...base, ...figure.layout};
  for (const side of ["xaxis", "yaxis"]) layout[side] = {...axis, ...layout[side]};
  Plotly.newPlot(`figure-${name}`, figure.data, layout, {responsive: true, displayModeBar: false});
}

// Tables: a click on a heading sorts, another one turns the order round; no value comes last.
function sortBy(heading) {
  const column = heading.cellIndex, table = heading.closest("table"), body = table.tBodies[0];
  const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const isNumber = heading.classList.contains("n");
  const key = (row) => {
    const cell = row.cells[column], text = cell.dataset.v ?? cell.textContent.trim();
    return text === "" ? null : isNumber ? Number(text) : text;
  };
  const compare = (a, b) => isNumber ? a - b : a.localeCompare(b, undefined, {numeric: true});
  const rows = [...body.rows].map((row) => [key(row), row]);
  rows.sort(([a], [b]) => a === null ? (b === null ? 0 : 1) : b === null ? -1 : sign * compare(a, b));
  body.append(...rows.map(([, row]) => row));
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
}
for (const button of document.querySelectorAll("th button"))
  button.addEventListener("click", () => sortBy(button.closest("th")));

const download = document.getElementById("download");
download?.addEventListener("click", () => {
  const text = JSON.parse(document.getElementById("csv").textContent);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], {type: "text/csv;charset=utf-8"}));
  link.download = download.dataset.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});
