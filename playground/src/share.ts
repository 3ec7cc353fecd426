/** The panel with the link to the program. */

import { toFragment } from "./link";
import { element } from "./page";
import type { Program } from "./program";

export class Share {
  private readonly button = element("share", HTMLButtonElement);
  private readonly panel = element("link-panel", HTMLElement);
  private readonly field = element("link", HTMLInputElement);
  private readonly note = element("link-note", HTMLElement);

  constructor(private readonly current: () => Program) {
    this.button.addEventListener("click", () => void this.share());
    element("link-close", HTMLButtonElement).addEventListener("click", () => this.close());
    this.panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.field.addEventListener("focus", () => this.field.select());
  }

  private async share(): Promise<void> {
    const fragment = await toFragment(this.current());
    // Without the query: the link is for a window, and the program has its language.
    const link = new URL(location.pathname + fragment, location.origin).href;
    // Assigning location.hash would open the program again.
    history.replaceState(null, "", location.search + fragment);
    this.field.value = link;
    this.panel.hidden = false;
    this.field.focus();
    this.note.textContent = (await copied(link)) ? "Copied" : "Copy it from here";
  }

  private close(): void {
    this.panel.hidden = true;
    this.note.textContent = "";
    this.button.focus();
  }
}

async function copied(text: string): Promise<boolean> {
  try {
    // Browsers offer no clipboard to pages from another host over plain HTTP.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
