// Tables that sort, by DataTables; long ones have a filter and pages, the longest are data.

const FEWEST = 3; // rows worth sorting
const PAGED = 50; // the most rows without pages
const PRINTED = 1000; // the most rows on paper

const LANGUAGE = {
  search: "Filter",
  info: "Rows _START_ to _END_ of _TOTAL_",
  infoEmpty: "No rows",
  infoFiltered: "(of _MAX_)",
  zeroRecords: "No row holds this.",
  lengthMenu: "_MENU_ rows",
};

function arrange(box) {
  const table = box.querySelector("table");
  const source = box.querySelector("script");
  const data = source && JSON.parse(source.textContent);
  const number = data ? data.rows : table.tBodies[0].rows.length;
  if (number < FEWEST) return;
  const api = new DataTable(table, {
    ...options(table, number),
    columns: headers(table).map((head, place) => column(head, data && data.columns[place])),
    ...(data && { data: Array.from({ length: number }, (_, row) => [row]) }),
  });
  scrollAlone(box, table);
  if (table.hasAttribute("data-left-out")) setUp(switchIn(box), table, api);
  if (number > PAGED && number <= PRINTED) printWhole(api);
  document.addEventListener("elsewhere", (event) => lookUp(box, api, event.detail));
}

function options(table, number) {
  const filtered = table.hasAttribute("data-filtered");
  const paged = number > PAGED;
  return {
    autoWidth: false,
    deferRender: true,
    order: [],
    paging: paged,
    pageLength: 25,
    searching: filtered,
    info: filtered,
    language: LANGUAGE,
    infoCallback: (_, start, end, all, found, text) => (paged || found < all ? text : ""),
    layout: {
      topStart: filtered ? "search" : null,
      topEnd: table.hasAttribute("data-left-out") ? newSwitch : null,
      bottomStart: filtered ? "info" : null,
      bottomEnd: paged ? "paging" : null,
    },
  };
}

// In the order of columns, which differs from that of the document under common headers.
function headers(table) {
  const heads = [...table.querySelectorAll("th[data-column]")];
  return heads.sort((one, other) => one.dataset.column - other.dataset.column);
}

function column(head, data) {
  const numeric = head.hasAttribute("data-number");
  return {
    className: head.className,
    type: numeric ? "num" : "string",
    orderSequence: numeric ? ["desc", "asc", ""] : ["asc", "desc", ""],
    ...(data && { data: 0, render: (row, purpose) => rendered(data, row, purpose) }),
  };
}

function rendered(data, row, purpose) {
  const text = at(data.text, row);
  if (purpose === "sort" || purpose === "type") return data.order.length ? data.order[row] || "" : text;
  const why = at(data.tip, row);
  const address = at(data.link, row);
  if (purpose === "filter") return [text, why, address].join(" ");
  return display(text, why, address);
}

function at(encoded, row) {
  if (!encoded) return "";
  return encoded.texts[encoded.codes.length ? encoded.codes[row] : row];
}

function display(text, why, address) {
  const words = document.createElement(address ? "a" : "span");
  words.textContent = text;
  if (address) words.href = address;
  if (!why) return words;
  const cell = document.createElement("span");
  cell.className = "tip";
  cell.tabIndex = 0;
  const explanation = document.createElement("span");
  explanation.className = "why";
  explanation.textContent = why;
  cell.append(words, explanation);
  return cell;
}

// The filter and the pages stay in place where a wide table scrolls.
function scrollAlone(box, table) {
  const scroll = box.querySelector(".scroll");
  scroll.replaceWith(...scroll.childNodes);
  table.replaceWith(scroll);
  scroll.replaceChildren(table);
}

function newSwitch() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "columns";
  return button;
}

function switchIn(box) {
  return box.querySelector("button.columns");
}

// The switch between the most telling columns and all.
function setUp(button, table, api) {
  const places = headers(table)
    .filter((head) => head.hasAttribute("data-wide"))
    .map((head) => Number(head.dataset.column));
  const show = (all) => {
    api.columns(places).visible(all);
    button.setAttribute("aria-pressed", String(all));
    button.textContent = all ? "Fewer columns" : `All ${api.columns().count()} columns`;
  };
  button.addEventListener("click", () => show(!api.column(places[0]).visible()));
  show(false);
}

function printWhole(api) {
  addEventListener("beforeprint", () => api.page.len(-1).draw());
  addEventListener("afterprint", () => api.page.len(25).draw());
}

// A run without a section of its own is shown in the list of runs.
function lookUp(box, api, id) {
  const address = `#${id}`;
  const data = box.querySelector("script");
  if (!data || !data.textContent.includes(`"${address}"`)) return;
  api.search(address).draw();
  for (let node = box; node; node = node.parentElement) {
    if (node instanceof HTMLDetailsElement) node.open = true;
  }
  box.scrollIntoView();
}

// Reading the source before DataTables moves it.
for (const box of document.querySelectorAll(".table")) arrange(box);
