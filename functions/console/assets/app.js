// Nothing here is needed: it takes the focus to what was done, selects all rows at once, and moves by j and k.
'use strict';
const told = document.querySelector('[data-told]');
if (told) { told.tabIndex = -1; told.focus(); }
const all = document.querySelector('[data-all]');
if (all) {
  all.hidden = false;
  all.addEventListener('change', () => document.querySelectorAll('input[name=case]').forEach((box) => { box.checked = all.checked; }));
}
const rows = [...document.querySelectorAll('tbody a[data-row]')];
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return;
  const at = rows.indexOf(document.activeElement);
  const next = { j: at + 1, k: at - 1 }[event.key];
  if (next !== undefined && rows[next]) { rows[next].focus(); event.preventDefault(); }
});
