// A text in which part of a key is typed, with a list of what it could mean below (a combobox, as WAI-ARIA has
// it). The kernel looks for the candidates; what is typed counts only once it is taken: by Enter, or a choice.

let count = 0;

function make(tag, attributes) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

class Pick {
  constructor(model, el) {
    this.model = model;
    this.active = -1;
    this.open = false;
    this.id = `rpy-pick-${++count}`;
    this.input = make("input", {
      type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
      "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.id,
    });
    this.list = make("ul", { role: "listbox", id: this.id, hidden: "" });
    this.status = make("div", { class: "rpy-pick-status rpy-muted", role: "status", "aria-live": "polite" });
    el.classList.add("rpy-pick");
    el.append(this.input, this.list, this.status);
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    this.input.addEventListener("blur", () => this.left());
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the text keeps the focus
    this.list.addEventListener("click", (event) => {
      const item = event.target.closest("[role=option]");
      if (item && !this.input.disabled) this.take(item.dataset.key);
    });
    this.draw();
    this.drawOptions();
  }

  text() {
    return this.model.get("query") ?? this.model.get("value");
  }

  draw() {
    const text = this.text();
    if (this.input.value !== text) this.input.value = text;
    this.input.setAttribute("aria-label", this.model.get("label"));
    this.input.placeholder = this.model.get("placeholder");
    this.input.disabled = this.model.get("disabled");
    if (this.input.disabled) this.show(false);
  }

  drawOptions() {
    this.active = -1;
    this.list.replaceChildren(...this.model.get("options").map(({ key, summary }, at) => {
      const item = make("li", { role: "option", id: `${this.id}-${at}`, "aria-selected": "false" });
      item.dataset.key = key;
      const name = make("span", { class: "rpy-pick-key" });
      const about = make("span", { class: "rpy-pick-about" });
      name.textContent = key; // as text only: it comes from Redis, and may be anything
      about.textContent = ` ${summary}`;
      item.append(name, about);
      return item;
    }));
    this.show(this.open);
  }

  show(on) {
    this.open = on && !this.input.disabled;
    const items = this.model.get("options").length;
    const shown = this.open && items > 0;
    this.list.hidden = !shown;
    this.input.setAttribute("aria-expanded", String(shown));
    const status = this.open ? this.model.get("status") : "";
    if (this.status.textContent !== status) this.status.textContent = status;
    if (!shown) this.mark(-1);
  }

  mark(at) {
    this.active = at;
    [...this.list.children].forEach((item, position) => {
      item.setAttribute("aria-selected", String(position === at));
      if (position === at) item.scrollIntoView({ block: "nearest" });
    });
    if (at < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `${this.id}-${at}`);
  }

  typed() {
    this.open = true;
    this.model.set("query", this.input.value);
    this.model.save_changes();
  }

  take(text) {
    this.show(false);
    this.model.set("value", text.trim());
    this.model.set("query", null);
    this.model.save_changes();
    this.draw();
  }

  pressed(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const shown = !this.list.hidden;
    const last = this.list.children.length - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const by = event.key === "ArrowDown" ? 1 : -1;
      if (shown) this.mark(this.active < 0 ? (by > 0 ? 0 : last) : (this.active + by + last + 1) % (last + 1));
      else if (!this.input.disabled) this.look();
    } else if (event.key === "Enter") {
      if (shown && this.active >= 0) this.take(this.list.children[this.active].dataset.key);
      else if (this.model.get("query") !== null) this.take(this.input.value);
      else this.model.send({ event: "submit" });
    } else if (event.key === "Escape" && (this.open || this.model.get("query") !== null)) {
      const was = this.open;
      this.show(false);
      if (!was) this.take(this.model.get("value"));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  look() {
    this.open = true;
    this.model.send({ event: "look" });
    this.show(true);
  }

  left() {
    this.show(false);
    if (this.model.get("query") !== null) this.model.send({ event: "left" });
  }
}

function render({ model, el }) {
  const pick = new Pick(model, el);
  const draw = () => pick.draw();
  const options = () => pick.drawOptions();
  const names = ["value", "query", "label", "placeholder", "disabled"];
  for (const name of names) model.on(`change:${name}`, draw);
  for (const name of ["options", "status"]) model.on(`change:${name}`, options);
  return () => {
    for (const name of names) model.off(`change:${name}`, draw);
    for (const name of ["options", "status"]) model.off(`change:${name}`, options);
  };
}

export default { render };
