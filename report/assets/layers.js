// Charts of layers and of hardware: error histograms, signal to noise, area and energy by part.

// What was measured of the designs of a group. Where a multiplier was measured with V, that says
// what its error is before V and after it, on the same inputs; what it does alone is left out.
function measured(items, designs, filter) {
  const shown = items.filter(({ design }) => filter.group(designs[design]));
  const corrected = new Set(shown.map(({ design }) => designs[design]).filter(({ kind }) => kind === "with-v").map(pairKey));
  const kept = shown.filter(({ design }) => designs[design].kind === "with-v" || !corrected.has(pairKey(designs[design])));
  return d3.sort(kept, (a, b) => byLevel(designs[a.design], designs[b.design]));
}

// How many histograms are drawn at once; the others on demand.
const FIRST = 15;

// The errors of one layer before and after V, a chart for each design of the groups shown.
function drawErrors(container, network, filter) {
  const shown = measured(network.histograms, network.results.designs, filter);
  if (shown.length === 0) return remark(container, "Nothing was measured on this network for these designs.");
  shown.slice(0, FIRST).forEach((histogram) => drawHistogram(container, network, histogram));
  const others = shown.slice(FIRST);
  if (others.length === 0) return undefined;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Show ${others.length} more`;
  button.addEventListener("click", () => {
    button.remove();
    others.forEach((histogram) => drawHistogram(container, network, histogram));
  });
  container.append(button);
  return undefined;
}

function drawHistogram(container, network, histogram) {
  const design = network.results.designs[histogram.design];
  const { edges } = histogram;
  const bars = (counts, which) => {
    const total = d3.sum(counts);
    const bins = counts.map((count, bin) => ({ which, x1: edges[bin], x2: edges[bin + 1], share: total ? count / total : 0 }));
    return bins.filter(({ share }) => share > 0);
  };
  const before = bars(histogram.before, "without V");
  const after = bars(histogram.after, "with V");
  const element = panel(container, design.name);
  // Rounded codes, for example, are multiplied exactly by a circuit that ignores the other bits.
  if (edges.length === 2 && edges[0] === 0) return remark(element, `No output of layer ${histogram.layer} has an error.`);
  const series = [before, after].filter((bins) => bins.length > 0).map(([{ which }]) => which);
  if (series.length === 0) return remark(element, "No outputs were counted.");
  const label = ({ which, x1, x2, share }) => `${which}\nerror ${significant(x1)} to ${significant(x2)}\n${percent(share)} of outputs`;
  const bar = { x1: "x1", x2: "x2", y: "share", fill: "which", strokeWidth: 0.7, inset: 0, ariaLabel: label };
  draw(element, `Errors of ${histogram.layer}, ${design.name}`, {
    width: widthOf(element, 260, 420),
    height: 230,
    marginLeft: 44,
    marginBottom: 38,
    x: { label: "error, units of the accumulator", labelAnchor: "center" },
    y: { type: "sqrt", label: "outputs, %", grid: true, percent: true, ticks: 5 },
    color: {
      domain: series, range: series.map((which) => `url(#fill-${which === "with V" ? "with-v" : "without-v"})`), legend: true,
    },
    marks: [
      Plot.rectY(before, { ...bar, stroke: "var(--without-v)" }),
      Plot.rectY(after, { ...bar, stroke: "var(--with-v)", fillOpacity: 0.75 }),
      Plot.ruleX([0], { stroke: "currentColor", strokeDasharray: "3 3" }),
      Plot.ruleY([0]),
    ],
  });
  return remark(element, `layer ${histogram.layer} of ${network.name}`);
}

// A design's name in a column's title: what tells variants apart is at its end.
const brief = (name) => name.replace(" quantisation", "").replace("exact ends", "ends");
const LONGEST = 36;

// Signal to noise of layers and designs, without and with V.
function drawLayers(container, network, filter) {
  const { designs } = network.results;
  const rows = measured(network.layers, designs, filter);
  // In the order of the network, not of designs.
  const layers = [...new Set(network.layers.map(({ layer }) => layer))];
  const columns = [...new Set(rows.map(({ design }) => design))];
  container.classList.toggle("one", columns.length > 12);
  const short = columns.map((index) => pairKey(designs[index]));
  const names = new Map(columns.map((index, at) => [index, short.indexOf(short[at]) === short.lastIndexOf(short[at]) ? short[at] : brief(designs[index].name)]));
  const cells = ["without_v", "with_v"].map((side) =>
    rows.filter((row) => row[side]).map((row) => ({ ...row[side], layer: row.layer, design: row.design })));
  const finite = cells.flat().map(({ sqnr_db }) => sqnr_db).filter((value) => value !== null);
  if (cells.flat().length === 0) return remark(container, "Nothing was measured on this network for these designs.");
  const domain = [Math.min(-10, d3.min(finite) ?? 0), Math.max(30, d3.max(finite) ?? 0)];
  const color = d3.scaleSequential(domain, d3.interpolateCividis);
  // Without an error it is as good as can be.
  const shade = ({ sqnr_db }) => sqnr_db ?? domain[1];
  const ink = (cell) => (d3.lab(color(shade(cell))).l > 55 ? "black" : "white");
  const longest = d3.max(layers, (layer) => Math.min(layer.length, 24));
  const tallest = Math.max(...[...names.values()].map((name) => Math.min(name.length, LONGEST)));
  const height = 110 + 4 * tallest + 22 * layers.length;
  ["without V", "with V"].forEach((title, side) => {
    if (cells[side].length === 0) return;
    const element = panel(container, `${title}, ${network.name}`);
    // Wider than the page it is scrolled, not shrunk: its numbers stay readable.
    draw(element, `Signal to noise in dB ${title}, ${network.name}`, {
      style: { ...STYLE, maxWidth: "none" },
      width: Math.max(widthOf(element, 280, 700), 40 + 7 * longest + 34 * columns.length),
      height,
      marginLeft: 16 + 7 * longest,
      marginTop: 20,
      marginBottom: 30 + 4.6 * tallest,
      x: { type: "band", domain: columns, label: null, tickRotate: -45, tickFormat: (index) => startOf(names.get(index), LONGEST) },
      y: { type: "band", domain: layers, label: null, tickFormat: (layer) => endOf(layer, 24) },
      color: { type: "linear", domain, scheme: "cividis", legend: true, label: "signal to noise, dB" },
      marks: [
        Plot.cell(cells[side], {
          x: "design", y: "layer", fill: shade, inset: 0.5,
          ariaLabel: (cell) => [cell.layer, `${names.get(cell.design)} ${title}`,
            `signal to noise ${cell.sqnr_db === null ? "without error" : `${fixed(cell.sqnr_db, 1)} dB`}`,
            `error ${significant(cell.mean)} ± ${significant(cell.std)} (mean, standard deviation)`].join("\n"),
        }),
        Plot.text(cells[side], {
          x: "design", y: "layer", fill: ink, fontSize: 10, pointerEvents: "none",
          text: ({ sqnr_db }) => (sqnr_db === null ? "∞" : fixed(sqnr_db, 0)),
        }),
      ],
    });
  });
  return undefined;
}

// Area and energy of arrays as stacked bars.
function drawHardware(container) {
  const quantities = [
    { title: "Energy per MAC, fJ", unit: "fJ", total: "energy_fj", parts: "energy_parts_fj" },
    { title: "Area, µm²", unit: "µm²", total: "area_um2", parts: "area_parts_um2" },
  ];
  const parts = [...new Set(report.hardware.flatMap((design) => quantities.flatMap(({ parts }) => Object.keys(design[parts]))))].sort();
  // Parts keep their fill in both charts; beyond those at hand, fills repeat.
  const fill = (part) => (part === "whole" ? "var(--reference)" : `url(#fill-part-${parts.indexOf(part) % 8})`);
  for (const { title, unit, total, parts: field } of quantities) {
    const rows = report.hardware.flatMap((design) => {
      const known = Object.entries(design[field]);
      const list = known.length > 0 ? known : [["whole", design[total]]];
      return list.map(([part, value]) => ({ design: design.name, part, value, share: value / design[total] }));
    });
    const shown = [...new Set(rows.map(({ part }) => part))].sort();
    const element = panel(container, title);
    const width = widthOf(element, 300, 760);
    const most = Math.min(36, Math.floor(width / 16));
    const longest = d3.max(report.hardware, ({ name }) => Math.min(name.length, most));
    draw(element, title, {
      width,
      height: 60 + 24 * report.hardware.length,
      marginLeft: 16 + 6.5 * longest,
      marginRight: 64,
      marginBottom: 34,
      x: { label: null, grid: true },
      y: { domain: report.hardware.map(({ name }) => name), label: null, tickFormat: (name) => startOf(name, most) },
      color: { domain: shown, range: shown.map(fill), legend: shown.length > 1 },
      marks: [
        Plot.barX(rows, {
          x: "value", y: "design", fill: "part", stroke: "var(--surface)", order: shown,
          ariaLabel: ({ design, part, value, share }) => `${design}\n${part}: ${significant(value)} ${unit}, ${percent(share)} of the array`,
        }),
        Plot.text(report.hardware, { x: total, y: "name", text: (design) => significant(design[total]), textAnchor: "start", dx: 5 }),
        Plot.ruleX([0]),
      ],
    });
  }
}
