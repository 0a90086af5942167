// What is nicer with a script than without: nothing here is needed, and every page works when it does not run.
(() => {
  'use strict';
  const $ = (id) => document.getElementById(id);
  const all = (query) => [...document.querySelectorAll(query)];

  // Ages go on. The page's own time counts, not this device's.
  const skew = Number(document.documentElement.dataset.now) - Date.now();
  const age = (ms) => {
    const s = Math.floor(ms / 1000);
    const [n, unit] = s < 60 ? [s, 's'] : s < 3600 ? [s / 60, 'min'] : s < 86400 ? [s / 3600, 'h'] : [s / 86400, 'd'];
    return Math.floor(n).toLocaleString('fr').replace(/\s/g, '\u202f') + '\u00a0' + unit;
  };
  setInterval(() => all('time[data-t]').forEach((time) => {
    const past = Date.now() + skew - Date.parse(time.dateTime);
    const text = age(Math.abs(past));
    time.textContent = time.dataset.t === 'age' ? text : past < 0 ? 'in ' + text : text + ' ago';
  }), 30000);

  // What an act led to is read first.
  const told = $('status');
  if (told && told.querySelector('.banner')) told.focus();

  // What the style sheet hides cannot be chosen by its first letter either.
  all('optgroup[data-ending]').forEach((group) => {
    const list = group.parentElement;
    const fit = () => {
      group.disabled = getComputedStyle(group).display === 'none';
      if (group.disabled && group.contains(list.selectedOptions[0])) list.value = '';
    };
    list.form.addEventListener('change', fit);
    fit();
  });

  // Too large a file is said to be so before it is sent.
  all('input[type=file][data-most]').forEach((input) => input.addEventListener('change', () => {
    const most = Number(input.dataset.most);
    const is = [...input.files].some((file) => file.size > most);
    input.setCustomValidity(is ? 'The file is larger than ' + most / 1048576 + ' MB.' : '');
    if (is) input.reportValidity();
  }));

  // A list that two people approved goes on while somebody looks at it.
  const goOn = $('go-on');
  if (goOn) setTimeout(() => { if (!document.hidden) goOn.requestSubmit(); }, 1500);

  const queue = $('queue');
  if (!queue) return;

  const boxes = all('#queue [name=case]');
  const every = $('all');
  const count = () => {
    const on = boxes.filter((box) => box.checked).length;
    $('count').textContent = on ? on + ' selected' : '';
    every.checked = on === boxes.length;
    every.indeterminate = on > 0 && on < boxes.length;
  };
  if (every) {
    every.hidden = false;
    every.addEventListener('change', () => { boxes.forEach((box) => { box.checked = every.checked; }); count(); });
    queue.addEventListener('change', count);
    count();
  }

  // Single keys, which can be switched off.
  const keys = $('keys');
  const on = $('keys-on');
  const store = (value) => { try { localStorage.setItem('payonce-keys', value); } catch { /* not kept, then */ } };
  try { on.checked = localStorage.getItem('payonce-keys') !== 'off'; } catch { /* not kept */ }
  on.addEventListener('change', () => store(on.checked ? 'on' : 'off'));
  const help = $('help');
  help.hidden = false;
  help.addEventListener('click', () => keys.showModal());

  const links = all('#queue tbody th a');
  const at = () => links.findIndex((link) => link.closest('tr').contains(document.activeElement));
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input:not([type=checkbox]), textarea, select, dialog');
    if (!on.checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = at();
    const acts = {
      j: () => links[Math.min(row + 1, links.length - 1)].focus(),
      k: () => links[Math.max(row - 1, 0)].focus(),
      x: () => row >= 0 && boxes[row] && boxes[row].click(),
      Enter: () => event.target.type === 'checkbox' && row >= 0 && links[row].click(),
      '/': () => $('q') && $('q').focus(),
      '?': () => keys.showModal(),
    };
    const act = acts[event.key];
    if (act && act() !== false && event.key !== 'Enter') event.preventDefault();
    else if (event.key === 'Enter' && event.target.type === 'checkbox') event.preventDefault();
  });
})();
