/** What the browser keeps for the page. It may refuse to: then nothing is kept, and all else works. */

type Area = "localStorage" | "sessionStorage";

export function recall(area: Area, key: string): string {
  try {
    return window[area].getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** Keeps a text, or forgets what was kept where it is empty. */
export function remember(area: Area, key: string, text: string): void {
  try {
    if (text) window[area].setItem(key, text);
    else window[area].removeItem(key);
  } catch {
    // Refused, or more than there is room for.
  }
}
