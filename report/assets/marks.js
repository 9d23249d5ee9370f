// What all charts share: data, numbers, colours with shapes, and marks that mouse and keyboard reach.

const report = JSON.parse(document.getElementById("data").textContent);

// As the page's views: the mean of all networks if there is one, then each network.
const views = new Map();
if (report.mean) views.set("mean", { name: `mean of ${report.networks.filter((network) => !network.beside).length} networks`, results: report.mean });
report.networks.forEach((network, index) => views.set(String(index), { name: network.name, network, results: network.results }));

// Colours are those of the style sheet, so that they follow the theme; each kind has a shape, too.
const KINDS = {
  "with-v": { name: "with V", color: "var(--with-v)", symbol: "circle" },
  "without-v": { name: "without V", color: "var(--without-v)", symbol: "diamond" },
  "reduced-precision": { name: "reduced precision", color: "var(--reduced)", symbol: "square" },
  "reference": { name: "reference", color: "var(--reference)", symbol: "star" },
};
const kindKeys = Object.keys(KINDS);

const fixed = (value, digits) => {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "\u2212");
};
const percent = (fraction) => `${fixed(100 * fraction, 1)} %`;
const significant = (value) =>
  value === 0 ? "0" : value.toLocaleString("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 }).replace("-", "\u2212");
const lossText = ({ loss, interval, confidence }) =>
  `${fixed(loss, 2)} points [${fixed(interval[0], 2)}, ${fixed(interval[1], 2)}], ${+(100 * confidence).toFixed(2)} % confidence`;

// A design in words, a line for each property.
function describe(design) {
  const { assessment } = design;
  const lines = [design.name, KINDS[design.kind].name];
  if (design.relative_power !== null) {
    lines.push(`array power ${percent(design.relative_power)}, saves ${percent(1 - design.relative_power)}`);
  }
  if (design.relative_energy !== null) {
    const energy = design.energy_nj === null ? "" : `, ${significant(design.energy_nj)} nJ`;
    lines.push(`array energy per image ${percent(design.relative_energy)}${energy}`);
  }
  if (assessment && design.kind !== "reference") lines.push(`loses ${lossText(assessment)}`);
  if (assessment) lines.push(`top-1 ${fixed(100 * assessment.top1, 2)} % of ${assessment.images.toLocaleString("en")} images`);
  return lines.join("\n");
}

// The multiplier and what else sets a design apart from others, but for V: its pair has the same.
const pairKey = (design) =>
  [
    design.multiplier,
    design.activation_bits < 8 ? `${design.activation_bits} activation bits` : "",
    design.weight_bits < 8 ? `${design.weight_bits} weight bits` : "",
    design.variant,
  ].filter(Boolean).join(", ");

// Exact products, families with levels, others.
const familyRank = (design) => (design.family === "exact" ? 0 : design.level === null ? 2 : 1);
const byLevel = (a, b) =>
  familyRank(a) - familyRank(b) || d3.ascending(a.family, b.family) ||
  (a.level ?? 0) - (b.level ?? 0) || b.activation_bits - a.activation_bits || b.weight_bits - a.weight_bits ||
  d3.ascending(a.multiplier, b.multiplier) || d3.ascending(a.variant, b.variant);

// Names of designs differ at their beginning, those of layers at their end.
const startOf = (text, length) => (text.length <= length ? text : `${text.slice(0, length - 1)}\u2026`);
const endOf = (text, length) => (text.length <= length ? text : `\u2026${text.slice(1 - length)}`);

const tooltip = document.getElementById("tooltip");

function showTooltip(mark) {
  tooltip.textContent = mark.getAttribute("aria-label");
  tooltip.hidden = false;
  const at = mark.getBoundingClientRect();
  const { width, height } = tooltip.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - width / 2), innerWidth - width - 8);
  const top = at.top > height + 12 ? at.top - height - 8 : at.bottom + 8;
  tooltip.style.left = `${left + scrollX}px`;
  tooltip.style.top = `${top + scrollY}px`;
}
const hideTooltip = () => { tooltip.hidden = true; };

// Arrow keys go from mark to mark; a chart is one stop for Tab, however many marks it has.
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };

function reachable(chart) {
  const marks = [...chart.querySelectorAll("svg :not(g)[aria-label]")];
  marks.forEach((mark, index) => {
    mark.setAttribute("role", "img");
    mark.setAttribute("tabindex", index === 0 ? "0" : "-1");
    mark.classList.add("mark");
    mark.addEventListener("pointerenter", () => showTooltip(mark));
    mark.addEventListener("pointerleave", hideTooltip);
    mark.addEventListener("focus", () => showTooltip(mark));
    mark.addEventListener("blur", hideTooltip);
    mark.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hideTooltip();
      if (!(event.key in STEPS)) return undefined;
      const next = marks[Math.min(Math.max(index + STEPS[event.key], 0), marks.length - 1)];
      mark.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
      event.preventDefault();
      return undefined;
    });
  });
  return marks;
}

const STYLE = { background: "transparent", color: "inherit", fontFamily: "inherit", fontSize: "12px", overflow: "visible" };

// Draws one chart into an element of the page, with its name for those who do not see it.
function draw(container, name, options) {
  const chart = Plot.plot({ style: STYLE, ...options });
  const svg = chart.tagName === "svg" ? chart : chart.querySelector(":scope > svg");
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", name);
  reachable(chart);
  container.append(chart);
  return chart;
}

// A chart among others: with a heading and a place of its own.
function panel(container, title) {
  const element = document.createElement("div");
  element.className = "panel";
  const heading = document.createElement("h4");
  heading.textContent = title;
  element.append(heading);
  container.append(element);
  return element;
}

// A remark under a chart, or in its place.
const remark = (container, text) => {
  const note = document.createElement("p");
  note.className = "note";
  note.textContent = text;
  container.append(note);
};

const widthOf = (element, least = 280, most = 1100) => Math.max(least, Math.min(most, element.clientWidth));
