// Start: theme, filters, and the charts that follow them.

// Hatched fills beside colours, for those who do not tell the colours apart and for grey printers.
function defineFills() {
  const fills = [
    ["with-v", "var(--with-v)", 1, null],
    ["without-v", "var(--without-v)", 0.3, "M0,6L6,0"],
    ["reduced-precision", "var(--reduced)", 0.3, "M3,0V6"],
    ["reference", "var(--reference)", 0.6, null],
  ];
  const hatches = [null, "M0,6L6,0", "M3,0V6", null, "M0,3H6", "M0,0L6,6", "M0,3H6M3,0V6", "M0,6L6,0M0,0L6,6"];
  hatches.forEach((hatch, index) => fills.push([`part-${index}`, `var(--part-${index})`, hatch ? 0.45 : 1, hatch]));
  const svg = d3.select(document.body).append("svg").attr("width", 0).attr("height", 0).attr("aria-hidden", "true").style("position", "absolute");
  for (const [id, color, opacity, hatch] of fills) {
    const pattern = svg.append("pattern").attr("id", `fill-${id}`).attr("width", 6).attr("height", 6).attr("patternUnits", "userSpaceOnUse");
    pattern.append("rect").attr("width", 6).attr("height", 6).style("fill", color).attr("fill-opacity", opacity);
    if (hatch) pattern.append("path").attr("d", hatch).style("stroke", color).attr("stroke-width", 1.5).attr("fill", "none");
  }
}

// Follows the system until the reader chooses; the choice is kept where the browser allows it.
function startTheme() {
  const button = document.getElementById("theme");
  const themes = ["system", "light", "dark"];
  let theme = "system";
  const apply = () => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  try {
    theme = themes.find((known) => known === localStorage.getItem("recoup-theme")) ?? theme;
  } catch { /* No storage for this page. */ }
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    apply();
    try {
      localStorage.setItem("recoup-theme", theme);
    } catch { /* As above. */ }
  });
  apply();
}

const form = document.getElementById("filters");

// What the form says: a view, a limit, and which designs pass; `group` is family and variant alone.
function readFilter() {
  const kinds = new Set([...form.querySelectorAll("[name=kind]:checked")].map((box) => box.value));
  const family = form.elements.family.value;
  const given = form.elements.limit.valueAsNumber;
  const limit = given >= 0 && given < 100 ? given : report.max_loss;
  const under = form.elements.under.checked;
  // Not there when designs have no variants.
  const variant = form.elements.variant?.value ?? "";
  const ofGroup = (design) =>
    (family === "" || family === `=${design.family}`) && (variant === "" || variant === `=${design.variant}`);
  return {
    view: form.elements.view.value,
    limit,
    group: ofGroup,
    shows: (design) =>
      kinds.has(design.kind) && ofGroup(design) &&
      (!under || design.kind === "reference" || design.assessment?.interval[1] < limit),
  };
}

function redraw() {
  hideTooltip();
  const filter = readFilter();
  const view = views.get(filter.view);
  if (!view) return;
  // Charts of one network's layers need a network: without one, the first.
  const network = view.network ?? report.networks[0];
  const into = (id, drawing) => {
    const container = document.getElementById(id);
    if (!container) return;
    container.replaceChildren();
    drawing(container);
  };
  into("chart-tradeoff", (container) => drawTradeoff(container, view, filter));
  into("chart-networks", (container) => {
    for (const each of views.values()) {
      if (each.network) drawTradeoff(panel(container, each.name), each, filter, { small: true });
    }
  });
  into("chart-loss", (container) => drawLosses(container, view, filter));
  into("chart-errors", (container) => drawErrors(container, network, filter));
  into("chart-layers", (container) => drawLayers(container, network, filter));
  const unknown = view.results.designs.filter((design) => filter.shows(design) && (design.relative_power === null || !design.assessment)).length;
  document.getElementById("tradeoff-note").textContent =
    unknown > 0 ? `${unknown} of the designs have no known power or were not evaluated; they are in the table only.` : "";
  filterTable(filter.view, filter.shows);
}

defineFills();
startTheme();
redraw();
const hardware = document.getElementById("chart-hardware");
if (hardware) drawHardware(hardware);

form.addEventListener("input", redraw);
form.addEventListener("submit", (event) => event.preventDefault());
// The form has its old values until the event is over.
form.addEventListener("reset", () => setTimeout(redraw));
let resized;
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(resized);
  resized = setTimeout(() => {
    redraw();
    hardware?.replaceChildren();
    if (hardware) drawHardware(hardware);
  }, 150);
});
