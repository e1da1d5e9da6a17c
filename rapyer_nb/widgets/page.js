// What only the page knows of a form: whether its kernel is still there, how time passes, what a screen
// reader is told of controls that come without a name.

const SILENCE = 3000; // ms without an answer after which the user is told
const BUSY = 1000; // ms after which a busy kernel is asked: most cells are shorter
const AGAIN = 5000; // ms until the kernel is asked once more
const EDITS = ["input", "click"];
const OVER = new Set(["dead", "restarting", "autorestarting", "terminating"]);
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const CONTROLS = "input, select, textarea, button, [role=slider], [role=combobox], [role=listbox]";
const TYPED = /^(|text|search|number|email|url|tel|password|date|time|datetime-local)$/;
const WORDS = {
  gone: ["error", "✕", (at) => `the kernel is gone since ${at}: what is shown may be out of date; run the cell again`],
  cut: ["warn", "⚠", (at) => `no connection to the kernel since ${at}: what is shown may be out of date`],
  busy: ["muted", "◌", () => "the kernel is busy: edits wait until it is free"],
  silent: ["warn", "⚠", (at) => `the kernel has not answered since ${at}: it is busy, or gone`],
};

// The forms of one page ask the same kernel, so one of them asks for all.
const asking = (globalThis[Symbol.for("rapyer.asking")] ??= new WeakMap());

// As `span` in views/objects.py: the two largest units.
export function span(seconds) {
  if (seconds < 1) return `${Math.max(0, seconds).toFixed(1)} s`;
  let left = Math.round(seconds);
  const parts = [];
  for (const [size, unit] of UNITS)
    if (left >= size || parts.length) {
      parts.push([Math.floor(left / size), unit]);
      left %= size;
    }
  return parts.slice(0, 2).filter(([n]) => n).map(([n, unit]) => `${n} ${unit}`).join(" ");
}

class Kernel {
  // Tells how the kernel is. JupyterLab says that itself; elsewhere it is asked now and then, as it is where
  // it has been busy for a while: the form's own event loop may be free all the same.
  constructor(model) {
    this.model = model;
    this.manager = model.widget_manager ?? {};
    this.first = this.manager.kernel;
    this.isOver = false;
    this.busySince = null;
    this.cutSince = null;
    this.edited = false;
    if (!asking.has(this.manager)) asking.set(this.manager, { since: null, last: -AGAIN });
    this.shared = asking.get(this.manager);
    model.on("msg:custom", (message) => {
      if (message?.kind === "beat") this.shared.since = null;
    });
  }

  state(root, now) {
    const kernel = this.manager.kernel;
    const live = !root.classList.contains("jupyter-widgets-disconnected");
    if (!live || (this.first && kernel?.id !== this.first.id) || OVER.has(kernel?.status)) this.isOver = true;
    if (this.isOver) return "gone";
    if (!kernel) {
      this.ask(now);
      return this.isSilent(now) ? "silent" : "fine";
    }
    const cut = ["connecting", "disconnected"].includes(kernel.connectionStatus);
    this.cutSince = cut ? (this.cutSince ?? now) : null;
    if (cut && now - this.cutSince >= SILENCE) return "cut";
    this.busySince = kernel.status === "busy" ? (this.busySince ?? now) : null;
    // Where comm messages have a thread of their own, one of them makes a busy kernel say that it is idle: who
    // edits asks in any case, and a question stays open until it is answered. The connection may have lost it.
    const isBusyLong = this.busySince !== null && now - this.busySince >= BUSY;
    if (this.edited || isBusyLong || this.shared.since !== null) this.ask(now);
    return this.isSilent(now) ? "busy" : "fine";
  }

  isSilent(now) {
    return this.shared.since !== null && now - this.shared.since >= SILENCE;
  }

  ask(now) {
    if (now - this.shared.last < AGAIN) return;
    this.shared.last = now;
    this.edited = false;
    this.shared.since ??= now;
    try {
      this.model.send({ kind: "beat" });
    } catch {
      this.isOver = true;
    }
  }
}

class FormPage {
  constructor(model, el) {
    this.el = el;
    this.kernel = new Kernel(model);
    this.root = null;
    this.last = null;
    this.shown = "fine";
    this.disabled = new Set();
    this.ends = new WeakMap();
    this.message = document.createElement("div");
    this.message.setAttribute("role", "status");
    el.classList.add("rpy-page");
    el.appendChild(this.message);
    this.observer = new MutationObserver(() => this.soon());
    this.onKey = (event) => this.keyed(event);
    this.onFocus = (event) => {
      this.last = { control: event.target, field: event.target.closest(".rpy-field") };
    };
    this.onEdit = () => {
      this.kernel.edited = true;
    };
    this.timer = setInterval(() => this.tick(), 1000);
    this.onLive = () => this.tick();
    model.on("comm_live_update", this.onLive);
    // A kernel that knows what is seen here knows what was typed for what. Messages keep their order, and a
    // text that still waits to be sent is sent before the kernel's question is heard.
    this.onAsked = (message) => {
      if (message?.kind === "look") setTimeout(() => model.send(message), 0);
    };
    model.on("msg:custom", this.onAsked);
    this.forget = () => model.off("msg:custom", this.onAsked);
    model.send({ kind: "here" });
    this.soon();
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.tick();
      if (!this.root) return;
      name(this.root);
      this.refocus();
    });
  }

  // Who pressed a button that is gone by now goes on at its field, not at the top of the page.
  refocus() {
    if (!this.last || this.last.control.isConnected || document.activeElement !== document.body) return;
    const box = this.last.field?.isConnected ? this.last.field : this.root;
    this.last = null;
    [...box.querySelectorAll(CONTROLS)].find((control) => !control.disabled)?.focus();
  }

  find() {
    const root = this.el.closest(".rpy-editor");
    if (!root || root === this.root) return;
    this.leave();
    this.root = root;
    this.observer.disconnect();
    this.observer.observe(root, { childList: true, subtree: true, attributeFilter: ["class"] });
    root.addEventListener("keydown", this.onKey);
    root.addEventListener("focusin", this.onFocus);
    for (const kind of EDITS) root.addEventListener(kind, this.onEdit);
    name(root);
  }

  leave() {
    this.root?.removeEventListener("keydown", this.onKey);
    this.root?.removeEventListener("focusin", this.onFocus);
    for (const kind of EDITS) this.root?.removeEventListener(kind, this.onEdit);
  }

  tick() {
    this.find();
    if (!this.root) return;
    this.count();
    const state = this.kernel.state(this.root, performance.now());
    if (state !== this.shown) this.say(state);
    if (state === "gone") this.freeze();
  }

  count() {
    for (const timer of this.root.querySelectorAll("[data-rpy-left]")) {
      if (!this.ends.has(timer)) this.ends.set(timer, performance.now() + Number(timer.dataset.rpyLeft));
      const text = span((this.ends.get(timer) - performance.now()) / 1000);
      if (timer.textContent !== text) timer.firstChild.data = text; // not a new child: that would be observed
    }
  }

  say(state) {
    this.shown = state;
    const [kind, sign, words] = WORDS[state] ?? ["muted", "", () => ""];
    const at = new Date().toTimeString().slice(0, 8);
    this.message.className = `rpy-${kind}`;
    this.message.textContent = state === "fine" ? "" : `${sign} ${words(at)}`;
    this.root.classList.toggle("rpy-gone", state === "gone");
    if (state !== "gone") this.thaw();
  }

  freeze() {
    for (const control of this.root.querySelectorAll(CONTROLS)) {
      if (control.disabled || this.disabled.has(control)) continue;
      this.disabled.add(control);
      control.disabled = true;
      if (!("form" in control)) control.setAttribute("tabindex", "-1");
    }
  }

  thaw() {
    for (const control of this.disabled) control.disabled = false;
    this.disabled.clear();
  }

  keyed(event) {
    if (event.key?.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey)
      return;
    const at = event.target;
    // In a text the browser takes back what was typed.
    if (at.isContentEditable || at.tagName === "TEXTAREA" || (at.tagName === "INPUT" && TYPED.test(at.type)))
      return;
    const undo = this.root.querySelector("button.rpy-undo");
    if (!undo || undo.disabled) return;
    event.preventDefault();
    event.stopPropagation();
    undo.click();
  }

  close() {
    this.forget();
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    this.leave();
  }
}

const words = (node) => (node?.textContent ?? "").replace(/[\u200b\s]+/g, " ").trim();

function isNamed(control) {
  if (control.getAttribute("aria-label") || control.getAttribute("aria-labelledby")) return true;
  if ([...(control.labels ?? [])].some(words)) return true;
  return control.tagName === "BUTTON" && Boolean(words(control) || control.title);
}

// The label that stands beside a control, or beside a box that it is in.
function labelOf(control, root) {
  for (let box = control.parentElement; box && box !== root; box = box.parentElement)
    for (const label of box.querySelectorAll(":scope > .widget-label, :scope > .rpy-label"))
      if (words(label)) return words(label);
  return "";
}

export function name(root) {
  for (const control of root.querySelectorAll(CONTROLS)) {
    if (isNamed(control)) continue;
    const end = control.classList.contains("noUi-handle-lower") ? "" : ", to";
    const isRange = control.classList.contains("noUi-handle") && control.closest(".noUi-base")?.querySelectorAll(".noUi-handle").length > 1;
    const label = labelOf(control, root) || control.title || control.placeholder || "";
    const part = isRange ? end || ", from" : control.type === "color" ? ", picker" : "";
    if (label) control.setAttribute("aria-label", label + part);
  }
  for (const choice of root.querySelectorAll(".widget-toggle-button"))
    choice.setAttribute("aria-pressed", String(choice.classList.contains("mod-active")));
  for (const group of root.querySelectorAll(".widget-radio-box, .widget-toggle-buttons > div")) {
    if (group.getAttribute("aria-label")) continue;
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", labelOf(group, root));
  }
}

function render({ model, el }) {
  const page = new FormPage(model, el);
  return () => page.close();
}

export default { render };
