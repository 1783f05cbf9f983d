// Light or dark: as the browser says, unless the reader chooses. Listeners redraw what is not drawn by styles.
"use strict";
const baysorTheme = (() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const listeners = [];
  let chosen = null;
  try { chosen = window.localStorage.getItem("baysor-theme"); } catch (_) { /* files may have no storage */ }
  const current = () => chosen || (system.matches ? "dark" : "light");
  const apply = () => {
    root.dataset.theme = current();
    listeners.forEach((listener) => listener(current()));
  };
  system.addEventListener("change", apply);
  apply();
  return {
    current,
    color: (name) => getComputedStyle(root).getPropertyValue("--" + name).trim(),
    onChange: (listener) => listeners.push(listener),
    copy: (button) => {
      const code = button.parentElement.querySelector("code");
      const done = () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); };
      const select = () => { const range = document.createRange(); range.selectNodeContents(code); const chosen = getSelection(); chosen.removeAllRanges(); chosen.addRange(range); };
      if (navigator.clipboard) { navigator.clipboard.writeText(code.textContent).then(done, select); } else { select(); }
    },
    toggle: () => {
      chosen = current() === "dark" ? "light" : "dark";
      try { window.localStorage.setItem("baysor-theme", chosen); } catch (_) { /* as above */ }
      apply();
    },
  };
})();
