"""How the form looks: the style sheet, and the pieces of HTML around the controls."""

from __future__ import annotations

import html
from typing import Literal

from rapyer_nb.views.brief import printable

Kind = Literal["ok", "muted", "warn", "error"]

# Not by colour alone: each message begins with a sign of its kind.
_SIGNS: dict[str, str] = {"ok": "✓", "muted": "", "warn": "⚠", "error": "✕", "lock": ""}
_LOCK = '<i class="fa fa-lock" aria-hidden="true"></i>'
_STATES: dict[str, tuple[str, str, str]] = {
    "idle": ("◌", "not live", "muted"),
    "connecting": ("◌", "connecting…", "muted"),
    "live": ("●", "live", "ok"),
    "polling": ("◌", "polling", "warn"),
    "disconnected": ("✕", "disconnected", "error"),
    "deleted": ("⊘", "deleted", "error"),
    "expired": ("⊘", "expired", "error"),
    "absent": ("⊘", "not stored yet", "warn"),
    "draft": ("+", "not created yet", "muted"),
    "created": ("✓", "created", "ok"),
    "suspended": ("◌", "paused", "muted"),
    "closed": ("⊘", "closed", "muted"),
}

STYLE = """<style>
.rpy-editor {
  --rpy-back: var(--jp-layout-color1, var(--vscode-editor-background, #fff));
  --rpy-back-2: var(--jp-layout-color2, var(--vscode-textCodeBlock-background, #eee));
  --rpy-text: var(--jp-ui-font-color1, var(--vscode-foreground, #1c1c1c));
  --rpy-faint: var(--jp-ui-font-color2, var(--vscode-descriptionForeground, #555));
  --rpy-line: var(--jp-border-color2, var(--vscode-widget-border, #ccc));
  --rpy-ok: #1b6e2c; --rpy-warn: #8a4b00; --rpy-error: #b3261e;
  --rpy-label: 124px;
  container-type: inline-size; box-sizing: border-box; width: 100%; max-width: 560px;
  margin: 4px 0; padding: 10px 14px 8px; overflow: hidden;
  border: 1px solid var(--rpy-line); border-radius: 6px;
  background: var(--rpy-back); color: var(--rpy-text); font-size: 13px;
}
[data-jp-theme-light="false"] .rpy-editor, .vscode-dark .rpy-editor {
  --rpy-ok: #7fd18b; --rpy-warn: #f0b35c; --rpy-error: #ff8a80; color-scheme: dark;
}
.rpy-editor.rpy-wide { max-width: 100%; width: fit-content; min-width: 320px; container-type: normal; }
.rpy-editor.rpy-wide > .widget-html { overflow-x: auto; }
.rpy-editor.rpy-wide caption { display: none; }
.rpy-editor .widget-html, .rpy-editor .widget-html-content { line-height: 1.4; height: auto; }
.rpy-editor .widget-html { margin: 0; }
.rpy-editor .rpy-rows { overflow: visible; }
.rpy-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 8px; padding: 0 2px 6px;
  margin-bottom: 6px; border-bottom: 1px solid var(--rpy-line); font-size: 14px; }
.rpy-head b { font-weight: 600; }
.rpy-head code { min-width: 0; overflow-wrap: anywhere; padding: 1px 5px; border-radius: 4px; font-size: 12px;
  background: var(--rpy-back-2); color: var(--rpy-text); }
.rpy-state { margin-left: auto; font-size: 12px; white-space: nowrap; }
.rpy-ok { color: var(--rpy-ok); } .rpy-warn { color: var(--rpy-warn); }
.rpy-error { color: var(--rpy-error); } .rpy-muted { color: var(--rpy-faint); }
.rpy-foot { min-height: 1.4em; padding: 4px 2px 0; font-size: 12px; overflow-wrap: anywhere; }
.rpy-note { font-size: 12px; overflow-wrap: anywhere; padding: 0 2px 4px; }
.rpy-note:empty { display: none; }
.rpy-editor .rpy-note-line { margin: 0 0 0 calc(var(--rpy-label) + 10px); overflow: visible; }
.rpy-editor .rpy-field { overflow: visible; width: auto; margin: 0; }
.rpy-editor .rpy-field > .rpy-main { width: auto; }
.rpy-editor .rpy-line { align-items: center; overflow: visible; width: auto; min-width: 0; }
.rpy-editor .rpy-line > .rpy-main { flex: 1 1 0; min-width: 0; width: auto; }
.rpy-editor .rpy-line > .widget-datetimepicker.rpy-main { flex: 0 1 auto; }
.rpy-editor .rpy-line.rpy-tall { align-items: flex-start; }
.rpy-editor .rpy-line > .rpy-field { margin-left: auto; max-width: 75%; }
.rpy-editor .rpy-line > .rpy-field > .rpy-note-line { margin-left: 0; }
.rpy-editor .rpy-line > .rpy-field > .rpy-line { align-self: flex-end; }
.rpy-editor .widget-label { color: var(--rpy-text); }
.rpy-editor .rpy-main > .widget-label, .rpy-editor .rpy-label {
  display: block; flex: 0 0 var(--rpy-label); width: var(--rpy-label); text-align: right; margin: 0 8px 0 0;
  overflow: hidden; text-overflow: ellipsis; }
.rpy-editor .rpy-main input, .rpy-editor .rpy-main textarea, .rpy-editor .rpy-main select {
  min-width: 0; background-color: var(--rpy-back); color: var(--rpy-text); border-color: var(--rpy-line);
  border-radius: 3px; }
.rpy-editor .widget-datetimepicker input, .rpy-editor .widget-timepicker input {
  height: 28px; box-sizing: border-box; padding: 0 8px;
  border: 1px solid var(--rpy-line); font: inherit; }
.rpy-editor .rpy-main select { background-image: none; appearance: auto; height: 28px; }
.rpy-editor input:focus-visible, .rpy-editor select:focus-visible, .rpy-editor textarea:focus-visible,
.rpy-editor button:focus-visible { outline: 2px solid var(--jp-brand-color1, #2196f3); outline-offset: 1px; }
.rpy-editor .rpy-main input:disabled, .rpy-editor .rpy-main select:disabled { opacity: .55; }
.rpy-editor .rpy-check .widget-label-basic > span, .rpy-editor .rpy-null .widget-label-basic > span,
.rpy-editor .rpy-bare > .widget-label, .rpy-editor .rpy-heard {
  position: absolute !important; width: 1px !important; height: 1px !important;
  margin: -1px !important; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.rpy-editor .rpy-null { flex: 0 0 auto; width: auto; margin-left: 6px; color: var(--rpy-faint); }
.rpy-editor .rpy-null .widget-label-basic { display: flex; align-items: center; }
.rpy-editor .rpy-null input { margin: 0; }
.rpy-editor .rpy-null .widget-label-basic::after { content: "null"; margin-left: 3px; font-size: 12px; }
.rpy-editor .rpy-check { width: auto; }
.rpy-editor .rpy-check .widget-label-basic { display: flex; align-items: center; height: 28px; }
.rpy-editor .rpy-check input { margin-top: 0; margin-bottom: 0; }
.rpy-editor .jupyter-widget-tagsinput { flex: 1 1 0; min-width: 0; width: auto; padding: 2px;
  border: 1px solid var(--rpy-line); border-radius: 3px;
  flex-wrap: wrap; align-items: center; row-gap: 3px; overflow: visible; }
.rpy-editor .jupyter-widget-tagsinput > .widget-text { display: flex !important; width: auto;
  flex: 0 1 auto; min-width: 0; max-width: 100%; }
.rpy-editor .jupyter-widget-tagsinput input.jupyter-widget-taginput { border: 0; background: none;
  color: var(--rpy-text); padding: 0 4px; margin: 0; min-width: 0; flex: 0 1 auto; box-sizing: border-box; }
.rpy-editor .jupyter-widget-tagsinput input.jupyter-widget-taginput::placeholder { color: var(--rpy-faint); }
.rpy-editor .rpy-off { opacity: .55; pointer-events: none; }
.rpy-editor .rpy-zone:empty { display: none; }
.rpy-editor .rpy-zone { flex: 0 0 auto; margin: 0 0 0 6px; color: var(--rpy-faint); font-size: 12px; }
.rpy-editor .rpy-pairs { flex: 1 1 0; min-width: 0; overflow: visible; }
.rpy-editor .rpy-pairs > button.rpy-button { align-self: flex-start; }
.rpy-editor .rpy-pairs input { background-color: var(--rpy-back); color: var(--rpy-text);
  border-color: var(--rpy-line); border-radius: 3px; min-width: 0; }
.rpy-editor .rpy-pairs .widget-box { overflow: visible; }
.rpy-editor .rpy-pair { align-items: center; }
.rpy-editor .rpy-pair > .rpy-bare { flex: 1 1 0; min-width: 0; width: auto; }
.rpy-editor button.rpy-button { width: auto; flex: 0 0 auto; height: 26px; line-height: 24px; padding: 0 9px;
  font-size: 12px; border-radius: 3px; border: 1px solid var(--rpy-line); background: var(--rpy-back-2);
  color: var(--rpy-text); }
.rpy-editor .rpy-group { margin: 4px 0 6px; padding: 2px 8px 4px; border: 1px solid var(--rpy-line);
  border-radius: 5px; overflow: visible; --rpy-label: 115px; }
.rpy-group-head { font-weight: 600; font-size: 12px; color: var(--rpy-faint); padding: 2px; }
.rpy-editor code.rpy-fixed { overflow-wrap: anywhere; background: none; color: var(--rpy-faint);
  font-size: 12px; }
.rpy-editor .rpy-collection, .rpy-editor .rpy-entries, .rpy-editor .rpy-entry, .rpy-editor .rpy-adder,
.rpy-editor .rpy-inside { overflow: visible; width: auto; margin: 0; }
.rpy-editor .rpy-entry > .rpy-line, .rpy-editor .rpy-adder > .rpy-line { min-height: 30px; }
.rpy-editor .rpy-entry > .rpy-line > .rpy-field { max-width: none; margin-left: 0; }
.rpy-editor .rpy-entry > .rpy-line > .rpy-field > * { align-self: stretch; width: auto; max-width: none; }
.rpy-editor .rpy-entry .rpy-bare > .widget-label, .rpy-editor .rpy-adder .rpy-bare > .widget-label {
  flex: 0 0 0; min-width: 0; }
.rpy-editor .rpy-entries > .rpy-entry + .rpy-entry { border-top: 1px solid var(--rpy-back-2); }
.rpy-editor .rpy-index { flex: 0 0 auto; min-width: 30px; width: auto; text-align: right; margin: 0 6px 0 0;
  color: var(--rpy-faint); font-size: 12px; }
.rpy-editor .rpy-key { flex: 0 1 34%; min-width: 60px; width: auto; }
.rpy-editor .rpy-priority { flex: 0 0 84px; width: 84px; }
.rpy-editor .rpy-icons { flex: 0 0 auto; overflow: visible; }
.rpy-editor button.rpy-icon { padding: 0 7px; margin: 2px 0; min-width: 26px; font-size: 0; background: none;
  border-color: transparent; box-shadow: none; }
.rpy-editor button.rpy-icon:hover:enabled, .rpy-editor button.rpy-icon:focus-visible {
  background: var(--rpy-back-2); border-color: var(--rpy-line); }
.rpy-editor button.rpy-icon i { margin: 0; font-size: 12px; line-height: 24px; }
.rpy-editor button.rpy-button:disabled { opacity: .4; }
.rpy-editor button.rpy-unfold { text-align: left; background: none; border-color: transparent;
  overflow: hidden; text-overflow: ellipsis; }
.rpy-editor .rpy-pager { align-items: center; flex: 0 0 auto; width: auto; overflow: visible; }
.rpy-editor .rpy-range { margin: 0 6px; font-size: 12px; white-space: nowrap; }
.rpy-editor .rpy-inside { border-left: 2px solid var(--rpy-line); padding: 2px 0 4px 8px;
  margin: 0 0 4px 12px; --rpy-label: 100px; }
.rpy-editor .rpy-entry input, .rpy-editor .rpy-adder input, .rpy-editor .rpy-entry select,
.rpy-editor .rpy-adder select, .rpy-editor .rpy-entry textarea { min-width: 0; color: var(--rpy-text);
  background-color: var(--rpy-back); border-color: var(--rpy-line); border-radius: 3px; }
.rpy-editor .rpy-entry .rpy-note-line, .rpy-editor .rpy-adder .rpy-note-line { margin-left: 0; }
.rpy-editor .rpy-fold { font-size: 12px; min-width: 0; }
.rpy-editor .rpy-fold > summary { cursor: pointer; overflow-wrap: anywhere; color: var(--rpy-faint);
  font-family: var(--jp-code-font-family, monospace); }
.rpy-editor .rpy-fold > summary:focus-visible { outline: 2px solid var(--jp-brand-color1, #2196f3); }
.rpy-editor pre.rpy-whole { margin: 4px 0; padding: 4px 6px; max-height: 220px; overflow: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; line-height: 1.35;
  border: 1px solid var(--rpy-line); border-radius: 3px;
  background: var(--rpy-back-2); color: var(--rpy-text); }
.rpy-editor .rpy-size { font-size: 12px; }
.rpy-editor .rpy-folded { flex: 1 1 0; min-width: 0; overflow: visible; }
.rpy-editor .rpy-folded > button.rpy-button { align-self: flex-start; }
.rpy-editor .rpy-variants { flex: 1 1 0; min-width: 0; overflow: visible; }
.rpy-editor .rpy-variants > .rpy-box { border-left: 2px solid var(--rpy-line); padding-left: 8px;
  --rpy-label: 86px; overflow: visible; }
.rpy-editor .rpy-main select[multiple] { height: auto; }
.rpy-editor .rpy-main.widget-textarea { height: auto; align-items: flex-start; }
.rpy-editor .rpy-main textarea { resize: vertical; flex: 1 1 0; }
.rpy-editor .rpy-main .widget-readout { color: var(--rpy-text); min-width: 40px; }
.rpy-editor .rpy-main.widget-radio, .rpy-editor .rpy-main.widget-toggle-buttons {
  display: flex; height: auto; align-items: flex-start; }
.rpy-editor .widget-radio .widget-radio-box { margin: 0; padding-top: 4px; flex: 1 1 0; }
.rpy-editor .widget-radio .widget-radio-box label { width: auto; margin: 0 0 2px; }
.rpy-editor .widget-toggle-buttons .widget-toggle-button { width: auto; height: 26px; line-height: 24px;
  padding: 0 12px; margin: 0 4px 4px 0; color: var(--rpy-text); background: var(--rpy-back-2);
  border: 1px solid var(--rpy-line); border-radius: 3px; box-shadow: none; }
.rpy-editor .widget-toggle-buttons .widget-toggle-button.mod-active { font-weight: 600;
  border: 2px solid var(--jp-brand-color1, #2196f3); line-height: 22px; }
.rpy-editor .rpy-variants > .rpy-bare.widget-dropdown { width: auto; }
.rpy-editor .rpy-json textarea { font-family: var(--jp-code-font-family, monospace); }
.rpy-editor .rpy-main.widget-upload { width: auto; flex: 0 0 auto; }
.rpy-badge { font-size: 12px; white-space: nowrap; }
.rpy-life { font-size: 12px; white-space: nowrap; color: var(--rpy-faint); }
.rpy-life::before { content: "· "; }
.rpy-editor .rpy-tools, .rpy-editor .rpy-choice { flex-wrap: wrap; gap: 2px; overflow: visible; margin: 0; }
.rpy-editor .rpy-tools { margin: -2px 0 4px; }
.rpy-editor button.rpy-tool { margin: 0; border-color: transparent; background: none; padding: 0 7px; }
.rpy-editor button.rpy-tool:hover:enabled, .rpy-editor button.rpy-tool:focus-visible {
  background: var(--rpy-back-2); }
.rpy-editor button.rpy-tool > i { margin-right: 5px; color: var(--rpy-faint); }
.rpy-editor .rpy-notice { flex-flow: row wrap; align-items: center; justify-content: space-between;
  margin: 4px 0 6px; padding: 4px 8px; border-left: 3px solid var(--rpy-faint);
  background: var(--rpy-back-2); border-radius: 3px; overflow: visible; }
.rpy-editor .rpy-notice .rpy-note { padding: 0; color: var(--rpy-text); }
.rpy-editor .rpy-expiry { flex-wrap: wrap; margin: 0 0 6px; gap: 2px; }
.rpy-editor .rpy-seconds { width: auto; flex: 0 0 auto; }
.rpy-editor .rpy-seconds input { width: 9em; flex: 0 0 auto; background-color: var(--rpy-back);
  color: var(--rpy-text); border-color: var(--rpy-line); border-radius: 3px; }
.rpy-page > div { font-size: 12px; }
.rpy-page > div:not(:empty) { padding: 4px 8px; margin-bottom: 6px; border-left: 3px solid currentColor;
  background: var(--rpy-back-2); border-radius: 3px; }
.rpy-editor.rpy-gone .rpy-rows, .rpy-editor.rpy-gone .rpy-tools { opacity: .6; }
.rpy-editor.rpy-gone .rpy-state, .rpy-editor.rpy-gone .rpy-life { text-decoration: line-through; }
.rpy-editor.jupyter-widgets-disconnected::before, .rpy-editor .jupyter-widgets-disconnected::before {
  display: none; }
.rpy-editor.rpy-reading .rpy-rows input:disabled, .rpy-editor.rpy-reading .rpy-rows select:disabled,
.rpy-editor.rpy-reading .rpy-rows textarea:disabled { opacity: 1; border-color: transparent;
  background: none; color: var(--rpy-text); -webkit-text-fill-color: var(--rpy-text); appearance: none;
  resize: none; }
.rpy-editor.rpy-reading .rpy-rows input[type=checkbox]:disabled { appearance: auto; }
.rpy-editor.rpy-reading .rpy-rows .rpy-off { opacity: 1; }
.rpy-editor.rpy-reading .rpy-rows .rpy-off, .rpy-editor.rpy-reading .widget-datetimepicker input {
  border-color: transparent; }
.rpy-editor.rpy-reading .rpy-rows .rpy-off .jupyter-widget-taginput,
.rpy-editor.rpy-reading .rpy-rows .rpy-off .jupyter-widget-tag-close,
.rpy-editor.rpy-reading .rpy-null:not(:has(input:checked)),
.rpy-editor.rpy-reading .rpy-rows button.rpy-button:disabled { display: none; }
@container (max-width: 400px) {
  .rpy-editor .rpy-line { flex-wrap: wrap; }
  .rpy-editor .rpy-line > .rpy-label, .rpy-editor .rpy-main > .widget-label {
    flex-basis: 100%; text-align: left; }
  .rpy-editor .rpy-main { flex-wrap: wrap; height: auto; }
  .rpy-editor .rpy-line:has(> .rpy-null) { align-items: flex-end; }
  .rpy-editor .rpy-note-line { margin-left: 0; }
}
</style>"""


def header(name: str, key: str, state: str, reason: str = "", aside: str = "") -> str:
    """Return the line with the model's name, its key and how live the form is.

    Args:
        name: The model's name.
        key: The key of the object.
        state: How live it is, one of the states above.
        reason: Why, for who points at it.
        aside: HTML that stands at the right.
    """
    sign, words, kind = _STATES[state]
    title = f' title="{safe(reason)}"' if reason else ""
    about = f"<code>{safe(key)}</code>" if key else ""
    return (
        f'<div class="rpy-head"><b>{safe(name)}</b> {about}'
        f'<span class="rpy-state rpy-{kind}" role="status" aria-live="polite"{title}>'
        f'<span aria-hidden="true">{sign}</span> {words}</span>{aside}</div>'
    )


def message(kind: str, text: str, place: str = "note") -> str:
    """Return a message that a screen reader announces; an empty text keeps the place for the next one.

    Args:
        kind: ok, muted, warn, error or lock.
        text: Plain text.
        place: "note" under a field, or "foot" at the end of the form, which keeps its height.
    """
    sign = _SIGNS[kind]
    words = f"{sign} {text}" if sign and text else text
    icon = f"{_LOCK} " if kind == "lock" else ""
    return f'<div class="rpy-{place} rpy-{kind}" role="status" aria-live="polite">{icon}{safe(words)}</div>'


def lock_badge(*, mine: bool) -> str:
    """Return the sign that the object is locked, for the head of the form."""
    words, kind = ("locked by this form", "ok") if mine else ("locked", "warn")
    return f'<span class="rpy-badge rpy-{kind}">{_LOCK} {words}</span>'


def fixed(text: str) -> str:
    """Return a value that can only be looked at."""
    return f'<code class="rpy-fixed">{safe(text)}</code>'


def folded(summary: str, whole: str) -> str:
    """Return a value of which only a summary is seen until it is unfolded."""
    return (
        f'<details class="rpy-fold"><summary>{safe(summary)}</summary>'
        f'<pre class="rpy-whole" tabindex="0">{safe(whole)}</pre></details>'
    )


def beginning(text: str, size: str) -> str:
    """Return the beginning of a text, and how long all of it is."""
    return (
        f'<pre class="rpy-whole rpy-beginning">{safe(text)}…</pre>'
        f'<span class="rpy-muted rpy-size">{safe(size)}</span>'
    )


def group_head(name: str, tooltip: str = "") -> str:
    """Return the title of a group of fields."""
    title = f' title="{safe(tooltip)}"' if tooltip else ""
    return f'<div class="rpy-group-head"{title}>{safe(name)}</div>'


def note(text: str) -> str:
    """Return a few words beside a title."""
    return f'<span class="rpy-muted">{safe(text)}</span>'


def safe(text: str) -> str:
    """Return a text for HTML: escaped, also characters that would turn the text around."""
    return html.escape(printable(text))
