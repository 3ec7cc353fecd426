/** The dark and light theme: that of the system, until the user selects one. */

import { save } from "./storage";

const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

let listeners: (() => void)[] = [];

/** Calls a listener after each change of the colours; returns how to stop that. */
export function onThemeChange(listener: () => void): () => void {
  listeners.push(listener);
  return () => void (listeners = listeners.filter((each) => each !== listener));
}

export function addThemeToggle(button: HTMLButtonElement): void {
  const update = () => {
    const other = isDark() ? "light" : "dark";
    button.ariaLabel = button.title = `Use ${other} colours`;
    for (const listener of listeners) listener();
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    // If the user selects the theme of the system, the page follows the system again.
    const isSystem = (theme === "dark") === SYSTEM.matches;
    if (isSystem) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    save("localStorage", "theme", isSystem ? "" : theme);
    update();
  });
  SYSTEM.addEventListener("change", update);
  update();
}

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : SYSTEM.matches;
}
