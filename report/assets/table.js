// The table of all designs: the rows that pass the filters, in the order of a column.

const table = document.getElementById("designs-table");
const bodies = [...table.tBodies];

// Shows the rows of a view that pass; says how many.
function filterTable(viewKey, shows) {
  let count = 0;
  let all = 0;
  for (const body of bodies) {
    body.hidden = body.dataset.view !== viewKey;
    if (body.hidden) continue;
    const { designs } = views.get(viewKey).results;
    for (const row of body.rows) {
      row.hidden = !shows(designs[row.dataset.index]);
      count += row.hidden ? 0 : 1;
      all += 1;
    }
  }
  document.getElementById("designs-count").textContent = `${count} of ${all} designs.`;
}

// A cell's number, or its text; a number that is not there comes last in either direction.
function compareCells(a, b, direction) {
  if (a.classList.contains("number")) {
    const [left, right] = [a.dataset.value, b.dataset.value];
    if (left === undefined || right === undefined) return (left === undefined) - (right === undefined);
    return direction * (left - right);
  }
  return direction * a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}

function sortTable(column) {
  const headings = [...table.tHead.rows[0].cells];
  const direction = headings[column].getAttribute("aria-sort") === "ascending" ? -1 : 1;
  headings.forEach((heading, index) =>
    heading.setAttribute("aria-sort", index !== column ? "none" : direction > 0 ? "ascending" : "descending"));
  for (const body of bodies) {
    body.append(...[...body.rows].sort((a, b) => compareCells(a.cells[column], b.cells[column], direction)));
  }
}

[...table.tHead.rows[0].cells].forEach((heading, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  button.addEventListener("click", () => sortTable(column));
  heading.append(button);
});
