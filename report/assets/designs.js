// Charts of designs: loss against power, and losses without and with V.

const LOSS_TICKS = [-10, -5, -2, -1, -0.5, 0, 0.5, 1, 2, 5, 10, 20, 50, 100];
const FEW_LOSS_TICKS = [-20, -5, -1, 0, 1, 3, 10, 30, 100];
const legendOf = (kinds) => ({
  color: { domain: kinds, range: kinds.map((kind) => KINDS[kind].color), tickFormat: (kind) => KINDS[kind].name },
  symbol: { domain: kinds, range: kinds.map((kind) => KINDS[kind].symbol), tickFormat: (kind) => KINDS[kind].name },
});

// The design with the least power whose interval is under the limit; the tested choice if the
// limit is the report's.
function chosenUnder(results, limit) {
  if (limit === report.max_loss) return results.designs[results.choice.chosen];
  const under = results.designs.filter((design) =>
    design.kind !== "reference" && design.relative_power !== null && design.assessment?.interval[1] < limit);
  return d3.least(under, (design) => design.relative_power);
}

// Loss against power of the designs that a filter lets through.
function drawTradeoff(container, view, filter, { small = false } = {}) {
  const { results, name } = view;
  const known = results.designs.filter((design) => design.relative_power !== null && design.assessment);
  // From left to right, as arrow keys go through them.
  const shown = d3.sort(known.filter(filter.shows), (design) => design.relative_power);
  if (shown.length === 0) return remark(container, "No design of known power passes the filters.");
  const power = (design) => 100 * design.relative_power;
  const loss = (design) => design.assessment.loss;
  const ends = shown.flatMap((design) => design.assessment.interval);
  const [low, high] = d3.extent([...ends, 0, filter.limit]);
  const front = results.choice.front.map((index) => results.designs[index]);
  const chosen = [chosenUnder(results, filter.limit)].filter((design) => design && shown.includes(design));
  const kinds = kindKeys.filter((kind) => shown.some((design) => design.kind === kind));
  const scales = legendOf(kinds);
  const labelled = small ? [] : chosen;
  return draw(container, `Loss against array power, ${name}`, {
    width: widthOf(container),
    height: small ? 240 : 460,
    marginLeft: 48,
    marginRight: 20,
    marginBottom: 40,
    x: { label: "array power, % of the exact 8-bit array", labelAnchor: "center", nice: true, grid: true, ticks: small ? 5 : 10 },
    y: {
      type: "symlog", constant: 0.5, domain: [low - 0.1, high * 1.15], label: "loss, points", grid: true,
      ticks: (small ? FEW_LOSS_TICKS : LOSS_TICKS).filter((tick) => tick >= low - 0.1 && tick <= high * 1.15), tickFormat: (tick) => String(tick).replace("-", "\u2212"),
    },
    color: { ...scales.color },
    symbol: { ...scales.symbol, legend: !small },
    marks: [
      Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.5 }),
      Plot.ruleY([filter.limit], { stroke: "var(--limit)", strokeWidth: 1.5, strokeDasharray: "6 4" }),
      Plot.text([filter.limit], { y: (limit) => limit, text: (limit) => `limit ${limit}`, frameAnchor: "right", dy: -7, fill: "var(--limit)" }),
      Plot.line(front, { x: power, y: loss, curve: "step-after", stroke: "currentColor", strokeOpacity: 0.6, clip: true }),
      Plot.ruleX(shown.filter((design) => design.kind !== "reference"), {
        x: power, y1: (design) => design.assessment.interval[0], y2: (design) => design.assessment.interval[1], stroke: "kind", strokeOpacity: 0.6,
      }),
      Plot.dot(chosen, { x: power, y: loss, r: small ? 8 : 11, stroke: "currentColor", strokeWidth: 1.5 }),
      Plot.dot(shown, {
        x: power, y: loss, fill: "kind", symbol: "kind", r: small ? 3.5 : 5.5, stroke: "var(--surface)", strokeWidth: 1, ariaLabel: describe,
      }),
      Plot.text(labelled, {
        // Its name stands above all charts, and would hide marks here.
        x: power, y: loss, text: () => "chosen", dy: 22,
        stroke: "var(--surface)", strokeWidth: 4, fill: "currentColor", fontWeight: 600,
      }),
    ],
  });
}

// Losses as bars, a group of them for each multiplier. A logarithm has no zero: bars begin at FLOOR.
const FLOOR = 0.01;

function drawLosses(container, view, filter) {
  const measured = view.results.designs.filter((design) => design.assessment && design.kind !== "reference" && filter.shows(design));
  if (measured.length === 0) return remark(container, "No design passes the filters.");
  const rank = (design) => ["reduced-precision", "without-v", "with-v"].indexOf(design.kind);
  const groups = d3.groups(measured.toSorted((a, b) => byLevel(a, b) || rank(a) - rank(b)), pairKey);
  const rows = [];
  const labels = new Map();
  let next = 0;
  for (const [key, members] of groups) {
    labels.set(next + (members.length - 1) / 2, key);
    for (const design of members) rows.push({ design, row: next++, kind: design.kind, ...design.assessment });
    next += 0.7;
  }
  const visible = rows.filter(({ loss }) => loss > FLOOR);
  const high = Math.max(10, d3.max(rows, ({ interval }) => interval[1]) * 1.3);
  const kinds = kindKeys.filter((kind) => rows.some((row) => row.kind === kind));
  const label = ({ design }) => describe(design);
  // At the top, too, of a chart that is longer than a screen.
  const axis = {
    ticks: [0.01, 0.1, 1, 10, 100].filter((tick) => tick <= high), tickFormat: (tick) => (tick === FLOOR ? "\u2264 0.01" : String(tick)),
  };
  const width = widthOf(container);
  const most = Math.min(44, Math.floor(width / 16));
  return draw(container, `Losses, ${view.name}`, {
    width,
    height: 70 + 15 * next,
    marginLeft: 20 + 6.5 * d3.max(groups, ([key]) => Math.min(key.length, most)),
    marginRight: 40,
    marginBottom: 40,
    x: { type: "log", domain: [FLOOR, Math.min(high, 130)] },
    y: { domain: [next, -1], axis: null },
    color: {
      domain: kinds, range: kinds.map((kind) => `url(#fill-${kind})`), legend: true, tickFormat: (kind) => KINDS[kind].name,
    },
    marks: [
      ...(next > 45 ? [Plot.axisX({ ...axis, anchor: "top", label: null })] : []),
      Plot.axisX({ ...axis, anchor: "bottom", label: "loss, points", labelAnchor: "center" }),
      Plot.gridX({ ticks: axis.ticks }),
      Plot.axisY([...labels.keys()], { anchor: "left", label: null, tickSize: 0, tickFormat: (row) => startOf(labels.get(row), most) }),
      Plot.ruleX([filter.limit].filter((limit) => limit > FLOOR), { stroke: "var(--limit)", strokeWidth: 1.5, strokeDasharray: "6 4" }),
      Plot.rect(visible, {
        x1: FLOOR, x2: "loss", y1: ({ row }) => row - 0.45, y2: ({ row }) => row + 0.45, fill: "kind",
        stroke: ({ kind }) => KINDS[kind].color, ariaLabel: label,
      }),
      Plot.ruleY(rows.filter(({ interval }) => interval[1] > FLOOR), {
        y: "row", x1: ({ interval }) => Math.max(FLOOR, interval[0]), x2: ({ interval }) => interval[1], stroke: "currentColor", strokeOpacity: 0.75,
      }),
      Plot.dot(rows.filter(({ loss }) => !(loss > FLOOR)), {
        x: FLOOR, y: "row", r: 4.5, stroke: ({ kind }) => KINDS[kind].color, strokeWidth: 2, fill: "var(--surface)", ariaLabel: label,
      }),
      Plot.text(rows, {
        x: ({ interval, loss }) => Math.max(FLOOR, loss, interval[1]), y: "row", text: ({ loss }) => fixed(loss, 2), textAnchor: "start", dx: 8,
        fill: "currentColor", stroke: "var(--surface)", strokeWidth: 4,
      }),
    ],
  });
}
