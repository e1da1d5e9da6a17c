// The page's side of a table. It shows what the kernel says and tells it what the user does; it decides nothing.
// Text gets into the page as text only: values come from Redis, and may be anything.

const DRAFT_PAUSE = 120; // milliseconds without a keystroke after which the kernel hears of what was typed
const PICK = "*"; // the column of the boxes; no field is called so, and that of the keys has no name
let count = 0;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function button(text, title, press) {
  const node = make("button", { type: "button", class: "rpt-button", title }, text);
  node.addEventListener("click", press);
  return node;
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function mark(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** The input in a cell, from the first keystroke until the kernel says that the edit has ended. */
class Editor {
  constructor(table, key, column, cell, text) {
    Object.assign(this, { table, key, column, cell, saw: text, n: 0, rev: 0, known: false, timer: null });
    const name = `${column.label} of ${key}`;
    this.input = this.makeInput(text, name);
    this.noteId = `rpt-note-${++count}`;
    this.note = make("div", { class: "rpt-note", id: this.noteId, role: "status" });
    this.input.setAttribute("aria-describedby", this.noteId);
    this.line = make("div", { class: "rpt-line" }, this.input);
    if (column.nullable && column.input !== "choice") {
      this.nothing = make("input", { type: "checkbox", "aria-label": `${name}: null` });
      this.nothing.addEventListener("change", () => this.typed());
      this.line.append(make("label", { class: "rpt-null" }, this.nothing, "null"));
    }
    this.choices = make("div", { class: "rpt-choices", hidden: true });
    this.choices.append(
      button("Keep mine", `Write my value of ${name} to Redis`, () => this.say("mine")),
      button("Take theirs", `Show what Redis has for ${name}`, () => this.say("theirs")),
    );
    this.node = make("div", { class: "rpt-editor" }, this.line, this.note, this.choices);
    this.node.addEventListener("keydown", (event) => this.pressed(event));
    this.node.addEventListener("focusout", () => setTimeout(() => this.left(), 0));
    this.input.addEventListener("input", () => this.typed());
    this.show(text);
    cell.append(this.node);
    cell.classList.add("rpt-editing");
  }

  makeInput(text, name) {
    const { input, options } = this.column;
    if (input === "choice") {
      const all = this.column.nullable ? [["", "null"], ...options] : options;
      return make("select", { "aria-label": name },
        ...all.map(([value, label]) => make("option", { value }, label)));
    }
    if (input === "text" && (this.column.long || (text || "").includes("\n"))) {
      return make("textarea", { "aria-label": name, rows: 3, spellcheck: "false" });
    }
    const kinds = { date: "date" };
    const mode = { integer: "numeric", number: "decimal" }[input];
    return make("input", { type: kinds[input] || "text", inputmode: mode, "aria-label": name, spellcheck: "false",
      autocomplete: "off" });
  }

  show(text) {
    this.saw = text;
    if (this.nothing) this.nothing.checked = text === null;
    this.input.value = text === null ? "" : text;
    this.enable();
  }

  enable() {
    if (this.nothing) this.input.disabled = this.nothing.checked;
  }

  get value() {
    if (this.column.input === "choice") return this.column.nullable && this.input.value === "" ? null : this.input.value;
    return this.nothing && this.nothing.checked ? null : this.input.value;
  }

  focus() {
    if (this.input.disabled) this.nothing.focus();
    else {
      this.input.focus();
      if (this.input.select) this.input.select();
    }
  }

  typed() {
    this.enable();
    this.n += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say("draft"), DRAFT_PAUSE);
  }

  say(what) {
    clearTimeout(this.timer);
    const { key, n, saw, value } = this;
    this.table.tell(what, { key, column: this.column.name, n, saw, value });
  }

  commit() {
    this.say(this.n ? "commit" : "cancel");
  }

  pressed(event) {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.say("cancel");
      this.table.focusCell(this.key, this.column.name);
    } else if (event.key === "Enter" && event.target.tagName !== "BUTTON") {
      if (event.shiftKey && this.input.tagName === "TEXTAREA") return;
      event.preventDefault();
      this.commit();
      this.table.focusCell(this.key, this.column.name);
    }
  }

  left() {
    const now = this.table.focused;
    if (!this.node.isConnected || this.node.contains(now) || !document.hasFocus() || now === this.cell) return;
    this.commit();
  }

  update(entry) {
    this.known = true;
    if (entry.n > this.n || (entry.n === this.n && entry.rev > this.rev)) {
      if (this.value !== entry.value) this.show(entry.value);
      this.saw = entry.value;
      this.n = entry.n;
      this.rev = entry.rev;
    }
    put(this.note, entry.note);
    this.note.className = `rpt-note rpy-${entry.kind}`;
    mark(this.input, "aria-invalid", entry.invalid ? "true" : null);
    this.choices.hidden = !entry.choice;
  }

  close() {
    clearTimeout(this.timer);
    const inside = this.node.contains(this.table.focused);
    this.node.remove();
    this.cell.classList.remove("rpt-editing");
    if (inside) this.cell.focus({ preventScroll: true });
  }
}

class Table {
  constructor(model, el) {
    this.model = model;
    this.rows = new Map();
    this.editors = new Map();
    this.at = { key: null, column: null };
    this.anchor = null;
    this.root = make("div", { class: "rpt", "data-lm-suppress-shortcuts": "true" });
    this.body = make("tbody");
    this.head = make("thead");
    this.grid = make("table", { role: "grid" }, this.head, this.body);
    this.makeFilter();
    this.makeTools();
    this.makePages();
    this.empty = make("div", { class: "rpt-empty" });
    this.root.append(this.filter, this.tools, this.ask, make("div", { class: "rpt-scroll" }, this.grid), this.empty,
      this.pages);
    this.grid.addEventListener("keydown", (event) => this.pressed(event));
    this.grid.addEventListener("focusin", (event) => this.entered(event));
    this.grid.addEventListener("dblclick", (event) => this.edit(event.target.closest("td")));
    el.append(this.root);
    this.draw();
  }

  tell(what, more = {}) {
    this.model.send({ do: what, ...more });
  }

  get focused() {
    return this.root.getRootNode().activeElement || document.activeElement;
  }

  // The parts around the grid ---------------------------------------------------------------------------------

  makeFilter() {
    this.question = make("input", { type: "text", spellcheck: "false", autocomplete: "off" });
    this.what = make("span", { class: "rpt-what" });
    this.mistake = make("div", { class: "rpt-mistake rpy-error", id: `rpt-mistake-${++count}`, role: "alert" });
    this.question.setAttribute("aria-describedby", this.mistake.id);
    const find = () => this.tell("filter", { text: this.question.value });
    this.filter = make("div", { class: "rpt-filter", role: "search" },
      make("label", {}, this.what, this.question), button("Find", "Show what the filter finds", find), this.mistake);
    this.question.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // JupyterLab lets no form be sent
      event.stopPropagation();
      find();
    });
  }

  makeTools() {
    this.chosen = make("span", { class: "rpt-chosen", role: "status" });
    this.open = button("Open", "Open the selected object in a form", () => this.tell("open", {}));
    this.remove = button("Delete…", "Delete the selected objects", () => this.tell("delete"));
    this.none = button("Select none", "Let go of what is selected", () => this.tell("select", { keys: null, on: false }));
    this.tools = make("div", { class: "rpt-tools", role: "group", "aria-label": "What is selected" },
      this.chosen, this.open, this.remove, this.none);
    this.asked = make("span", { id: `rpt-asked-${++count}` });
    this.yes = button("Delete", "Delete them", () => this.tell("delete-yes"));
    this.no = button("Cancel", "Delete nothing", () => this.tell("delete-no"));
    this.yes.classList.add("rpt-danger");
    this.ask = make("div", { class: "rpt-ask", role: "alertdialog", "aria-labelledby": this.asked.id, hidden: true },
      this.asked, this.yes, this.no);
    this.ask.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.tell("delete-no");
    });
  }

  makePages() {
    this.before = button("‹", "The page before", () => this.tell("page", { by: -1 }));
    this.after = button("›", "The next page", () => this.tell("page", { by: 1 }));
    this.before.setAttribute("aria-label", "The page before");
    this.after.setAttribute("aria-label", "The next page");
    this.shown = make("span", { class: "rpt-shown", role: "status" });
    this.size = make("select", { "aria-label": "Rows on a page" });
    this.size.addEventListener("change", () => this.tell("size", { size: Number(this.size.value) }));
    this.undo = button("Undo", "", () => this.tell("undo"));
    this.undo.classList.add("rpy-undo");
    this.pages = make("div", { class: "rpt-pages" }, this.before, this.shown, this.after,
      this.undo, make("label", { class: "rpt-size" }, this.size, " a page"));
  }

  drawBar() {
    const bar = this.model.get("bar");
    this.filter.hidden = !bar.label;
    put(this.what, bar.label || "");
    mark(this.question, "placeholder", bar.placeholder || null);
    if (this.filterShown !== bar.filter) {
      this.filterShown = bar.filter;
      this.question.value = bar.filter;
    }
    put(this.mistake, bar.mistake ? `✕ ${bar.mistake}` : "");
    mark(this.question, "aria-invalid", bar.mistake ? "true" : null);
    const acting = !bar.selected && this.tools.contains(this.focused);
    this.tools.hidden = !bar.selected;
    if (acting) this.focusAt(); // what was pressed is hidden by now
    put(this.chosen, bar.selected ? `${bar.selected} selected` : "");
    const left = !bar.undo && this.undo === this.focused;
    this.undo.hidden = !bar.undo;
    this.undo.title = bar.undo ? `Take back the last edit: ${bar.undo} (Ctrl+Z outside of a text)` : "";
    if (left) this.focusAt();
    this.open.hidden = !bar.opens;
    this.open.disabled = bar.selected !== 1;
    this.remove.hidden = !bar.deletes;
    const asking = Boolean(bar.ask);
    if (asking === this.ask.hidden) {
      const inside = this.ask.contains(this.focused);
      this.ask.hidden = !asking;
      put(this.asked, bar.ask);
      if (asking && !this.focused.closest(".rpt-editor")) this.no.focus(); // unless somebody types by now
      else if (inside) this.focusAt();
    } else put(this.asked, bar.ask);
    this.pages.hidden = !bar.about;
    put(this.shown, bar.about);
    this.hold(this.before, !bar.before, this.after);
    this.hold(this.after, !bar.after, this.before);
    const sizes = (bar.sizes || []).map(String);
    this.before.hidden = this.after.hidden = !sizes.length;
    this.size.parentNode.hidden = !sizes.length;
    if (this.size.options.length !== sizes.length) {
      this.size.replaceChildren(...sizes.map((size) => make("option", { value: size }, size)));
    }
    this.size.value = String(bar.size);
    put(this.empty, bar.empty || "");
    this.empty.hidden = !bar.empty;
  }

  hold(node, off, other) {
    const had = node === this.focused;
    node.disabled = off;
    if (had && off) other.focus();
  }

  // The grid ---------------------------------------------------------------------------------------------------

  draw() {
    const inside = this.grid.contains(this.focused);
    const order = [...this.body.children];
    const before = order.findIndex((tr) => tr.dataset.key === this.at.key);
    this.drawHead();
    this.drawRows();
    this.drawEdits();
    this.drawBar();
    if (!this.rows.has(this.at.key) && this.at.key !== "") {
      const next = this.body.children[Math.min(Math.max(before, 0), this.body.children.length - 1)];
      this.at.key = next ? next.dataset.key : "";
    }
    this.rove();
    if (inside && !this.grid.contains(this.focused)) this.focusAt();
  }

  get columns() {
    return this.model.get("table").columns;
  }

  drawHead() {
    const table = this.model.get("table");
    const picks = table.selectable;
    this.grid.setAttribute("aria-label", table.label);
    mark(this.grid, "aria-multiselectable", picks ? "true" : null);
    const signature = JSON.stringify([picks, table.columns.map((column) => [column.name, column.label])]);
    if (signature !== this.signature) {
      this.signature = signature;
      this.body.replaceChildren();
      this.rows.clear();
      this.all = make("input", { type: "checkbox", "aria-label": "Select all rows shown" });
      this.all.addEventListener("click", () => this.selectPage(this.all.checked));
      const cells = table.columns.map((column) => this.makeHeading(column));
      this.head.replaceChildren(make("tr", {}, ...(picks ? [make("td", { "data-column": PICK }, this.all)] : []), ...cells));
    }
    for (const column of table.columns) {
      const heading = this.heading(column.name);
      mark(heading, "aria-sort", column.sort === "none" ? null : column.sort);
      const press = heading.querySelector("button");
      put(press.lastChild, { ascending: " ▲", descending: " ▼" }[column.sort] || "");
      mark(press, "title", column.why || column.title || null);
      mark(press, "aria-disabled", column.why ? "true" : null);
    }
  }

  makeHeading(column) {
    const press = make("button", { type: "button" }, make("span", {}, column.label),
      make("span", { "aria-hidden": "true" }));
    press.addEventListener("click", () => this.tell("sort", { column: column.name }));
    const numbers = ["integer", "number"].includes(column.input);
    return make("th", { scope: "col", "data-column": column.name, class: numbers ? "rpt-number" : null }, press);
  }

  heading(name) {
    return [...this.head.querySelectorAll("[data-column]")].find((cell) => cell.dataset.column === name);
  }

  drawRows() {
    const table = this.model.get("table");
    const wanted = new Set(table.rows.map((row) => row.key));
    for (const [key, tr] of this.rows) {
      if (!wanted.has(key)) {
        tr.remove();
        this.rows.delete(key);
      }
    }
    const all = table.rows.map((row) => this.drawRow(row, table));
    this.arrange(all);
    if (this.all) {
      const selected = table.rows.filter((row) => row.selected).length;
      this.all.checked = selected > 0 && selected === table.rows.length;
      this.all.indeterminate = selected > 0 && selected < table.rows.length;
      this.all.disabled = !table.rows.length;
    }
  }

  /** Put rows in order without moving the one that has the focus, which would lose it. */
  arrange(rows) {
    const middle = rows.findIndex((tr) => tr.contains(this.focused));
    const place = (some, first) => {
      let next = first;
      for (const tr of some) {
        if (tr === next) next = next.nextSibling;
        else this.body.insertBefore(tr, next);
      }
    };
    if (middle < 0) place(rows, this.body.firstChild);
    else {
      place(rows.slice(0, middle), this.body.firstChild);
      place(rows.slice(middle + 1), rows[middle].nextSibling);
    }
  }

  drawRow(row, table) {
    let tr = this.rows.get(row.key);
    if (!tr) {
      tr = this.makeRow(row, table);
      this.rows.set(row.key, tr);
    }
    tr.classList.toggle("rpt-marked", Boolean(row.mark));
    if (table.selectable) {
      mark(tr, "aria-selected", row.selected ? "true" : "false");
      tr.querySelector(".rpt-pick input").checked = row.selected;
    }
    put(tr.querySelector(".rpt-mark"), row.mark ? `⊘ ${row.mark}` : "");
    row.cells.forEach((cell, at) => this.drawCell(tr.querySelector(`[data-at="${at}"]`), cell, row));
    return tr;
  }

  makeRow(row, table) {
    const tr = make("tr", { "data-key": row.key });
    if (table.selectable) {
      const pick = make("input", { type: "checkbox", "aria-label": `Select ${row.key}` });
      pick.addEventListener("click", (event) => this.pick(row.key, pick.checked, event.shiftKey));
      tr.append(make("td", { class: "rpt-pick", "data-column": PICK }, pick));
    }
    table.columns.forEach((column, at) => {
      const attributes = { "data-column": column.name, "data-at": at };
      if (at === 0) {
        const text = make(table.opens ? "button" : "span", { class: "rpt-text", type: table.opens ? "button" : null });
        if (table.opens) text.addEventListener("click", () => this.tell("open", { key: row.key }));
        const head = make("th", { scope: "row", ...attributes }, text, make("span", { class: "rpt-mark rpy-error" }));
        tr.append(head);
      } else tr.append(make("td", attributes, make("span", { class: "rpt-text" })));
    });
    return tr;
  }

  drawCell(node, cell, row) {
    const text = node.querySelector(".rpt-text");
    put(text, cell.text);
    mark(text, "title", cell.title || (node.dataset.at === "0" && text.tagName === "BUTTON" ? `Open ${row.key}` : null));
    text.classList.toggle("rpt-faint", Boolean(cell.none));
    node.classList.toggle("rpt-number", Boolean(cell.number));
    mark(node, "aria-readonly", cell.edit ? null : "true");
    node.rptCell = cell;
  }

  drawEdits() {
    const entries = new Map(this.model.get("edits").map((entry) => [JSON.stringify([entry.key, entry.column]), entry]));
    for (const [id, editor] of this.editors) {
      if ((editor.known && !entries.has(id)) || !editor.cell.isConnected) this.end(id);
    }
    for (const [id, entry] of entries) {
      const cell = this.cell(entry.key, entry.column);
      if (!cell) continue;
      if (!this.editors.has(id)) this.begin(id, cell, entry.key, entry.column, entry.value);
      this.editors.get(id).update(entry);
    }
  }

  begin(id, cell, key, name, text) {
    const column = this.columns.find((one) => one.name === name);
    this.editors.set(id, new Editor(this, key, column, cell, text));
  }

  end(id) {
    const editor = this.editors.get(id);
    this.editors.delete(id);
    if (editor) editor.close();
  }

  refused(key, column) {
    this.end(JSON.stringify([key, column]));
  }

  // What the user does -----------------------------------------------------------------------------------------

  edit(cell) {
    if (!cell || !cell.rptCell || !cell.rptCell.edit) return false;
    const key = cell.parentNode.dataset.key;
    const column = cell.dataset.column;
    const id = JSON.stringify([key, column]);
    if (!this.editors.has(id)) {
      const { value, text, none } = cell.rptCell;
      this.begin(id, cell, key, column, none ? null : value === undefined ? text : value);
      this.tell("edit", { key, column });
    }
    this.editors.get(id).focus();
    return true;
  }

  pick(key, on, range) {
    const keys = [...this.body.children].map((tr) => tr.dataset.key);
    const [from, to] = [keys.indexOf(this.anchor), keys.indexOf(key)].sort((one, other) => one - other);
    this.anchor = key;
    this.tell("select", { keys: range && from >= 0 ? keys.slice(from, to + 1) : [key], on });
  }

  selectPage(on) {
    this.tell("select", { keys: [...this.body.children].map((tr) => tr.dataset.key), on });
  }

  entered(event) {
    const cell = event.target.closest("[data-column]");
    if (!cell) return;
    this.at = { key: cell.parentNode.dataset.key || "", column: cell.dataset.column };
    this.rove();
  }

  pressed(event) {
    const cell = event.target.closest("[data-column]");
    if (!cell || event.altKey) return;
    event.stopPropagation();
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const control = event.ctrlKey || event.metaKey;
    if (moves[event.key]) this.move(...moves[event.key]);
    else if (event.key === "Home") this.move(control ? -Infinity : 0, -Infinity);
    else if (event.key === "End") this.move(control ? Infinity : 0, Infinity);
    else if (event.key === "PageDown") this.tell("page", { by: 1 });
    else if (event.key === "PageUp") this.tell("page", { by: -1 });
    else if (event.key === "a" && control && this.all) this.selectPage(true);
    else if (event.key === "z" && control && event.target === cell && !this.undo.hidden) this.tell("undo");
    else if (event.key === "Delete" && !this.remove.hidden && !this.tools.hidden) this.tell("delete");
    else if (!this.act(event, cell)) return;
    event.preventDefault();
  }

  act(event, cell) {
    const key = cell.parentNode.dataset.key;
    if (event.target !== cell || !key) return false;
    if (event.key === "Enter" || event.key === "F2") {
      if (!this.edit(cell) && event.key === "Enter") this.tell("open", { key });
      return true;
    }
    if (event.key !== " " || !this.model.get("table").selectable) return false;
    const on = cell.parentNode.getAttribute("aria-selected") !== "true";
    this.pick(key, on, event.shiftKey);
    return true;
  }

  // Where the focus is: one element of the grid can be reached by Tab, arrows move on from there -----------------

  cell(key, column) {
    if (key === "") return this.heading(column);
    const tr = this.rows.get(key);
    return tr && [...tr.children].find((one) => one.dataset.column === column);
  }

  static target(cell) {
    return cell.querySelector(":scope > input, :scope > button") || cell;
  }

  rove() {
    const names = [...this.head.querySelectorAll("[data-column]")].map((cell) => cell.dataset.column);
    if (!names.includes(this.at.column)) this.at.column = names.find((name) => name === "") ?? "";
    if (this.at.key === null) this.at.key = this.body.firstChild ? this.body.firstChild.dataset.key : "";
    const here = this.cell(this.at.key, this.at.column) || this.heading(this.at.column);
    for (const cell of this.grid.querySelectorAll("[data-column]")) {
      mark(Table.target(cell), "tabindex", cell === here ? "0" : "-1");
    }
  }

  move(down, right) {
    const names = [...this.head.querySelectorAll("[data-column]")].map((cell) => cell.dataset.column);
    const keys = ["", ...[...this.body.children].map((tr) => tr.dataset.key)];
    const clamp = (value, most) => Math.min(Math.max(value, 0), most);
    const key = keys[clamp(keys.indexOf(this.at.key) + down, keys.length - 1)];
    this.focusCell(key, names[clamp(names.indexOf(this.at.column) + right, names.length - 1)]);
  }

  focusCell(key, column) {
    this.at = { key, column };
    this.rove();
    this.focusAt();
  }

  focusAt() {
    const cell = this.cell(this.at.key, this.at.column) || this.heading(this.at.column);
    if (cell) Table.target(cell).focus();
  }
}

function render({ model, el }) {
  const table = new Table(model, el);
  const draw = () => table.draw();
  const hear = (message) => {
    if (message.do === "refused") table.refused(message.key, message.column);
  };
  model.on("change", draw);
  model.on("msg:custom", hear);
  return () => {
    model.off("change", draw);
    model.off("msg:custom", hear);
  };
}

export default { render };
