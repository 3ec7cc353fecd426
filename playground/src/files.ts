/** The files of a program as tabs, which can be selected, added, renamed, opened, saved and closed. */

import type { EditorState } from "@codemirror/state";

import { base64 } from "../../clients/javascript/src/base64.js";
import type { Editor } from "./editor";
import { problemOf } from "./names";
import { element } from "./page";
import { bytesOf, type SourceFile } from "./program";
import { zip } from "./zip";

interface Tab {
  name: string;
  state: EditorState;
  /** Of a file that is no text, which the editor does not show. */
  binary?: SourceFile;
}

export class Files {
  onChange: () => void = () => {};

  private tabs: Tab[] = [];
  private shown = 0;
  private language = "";

  private readonly list = element("files", HTMLElement);
  private readonly note = element("file-note", HTMLElement);
  private readonly menu = element("file-menu", HTMLDetailsElement);

  constructor(private readonly editor: Editor) {
    editor.onChange = () => this.onChange();
    element("add-file", HTMLButtonElement).addEventListener("click", () => this.add());
    const picker = element("open-picker", HTMLInputElement);
    element("open-files", HTMLButtonElement).addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => {
      void this.openFromDisk([...(picker.files ?? [])]);
      picker.value = ""; // so that the same file can be chosen again
    });
    element("download-file", HTMLButtonElement).addEventListener("click", () => this.download());
    element("download-all", HTMLButtonElement).addEventListener("click", () => this.downloadAll());
    this.menu.addEventListener("click", ({ target }) => {
      if (target instanceof HTMLButtonElement && target.id !== "reset") this.menu.open = false;
    });
    this.menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.menu.open = false;
      this.menu.querySelector("summary")?.focus();
    });
    this.menu.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !this.menu.contains(relatedTarget)) this.menu.open = false;
    });
    this.acceptDrops(element("program", HTMLElement));
  }

  get all(): SourceFile[] {
    this.keep();
    return this.tabs.map(({ name, state, binary }) => {
      return binary ? { ...binary, name } : { name, content: state.doc.toString() };
    });
  }

  /** Shows a line of a file, from 1 on. */
  goTo(name: string, line: number): void {
    const index = this.tabs.findIndex((tab) => tab.name === name);
    if (index < 0) return;
    if (index !== this.shown) {
      this.keep();
      this.show(index);
    }
    this.editor.goTo(line);
  }

  open(files: SourceFile[], language: string): void {
    this.language = language;
    this.tabs = files.map((file) => this.newTab(file));
    this.shown = 0;
    this.show(0);
  }

  private newTab(file: SourceFile): Tab {
    const { name, content } = file;
    if (!file.encoding) return { name, state: this.editor.newState(content) };
    const note = `This file of ${bytesOf(file).length} bytes is no text. Programs can read it.`;
    return { name, state: this.editor.newState(note, true), binary: file };
  }

  /** Asks for a name, and adds a file. */
  private add(): void {
    const item = document.createElement("li");
    this.list.append(item);
    const taken = this.tabs.map((tab) => tab.name);
    this.ask(item, "", taken, (name) => {
      if (name === null) return this.draw();
      this.tabs.push(this.newTab({ name, content: "" }));
      this.keep();
      this.show(this.tabs.length - 1);
      this.onChange();
      this.editor.focus();
    });
  }

  private acceptDrops(pane: HTMLElement): void {
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    // Before the editor, which would insert the text of the file.
    const options = { capture: true };
    pane.addEventListener(
      "dragover",
      (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        event.stopPropagation();
      },
      options,
    );
    pane.addEventListener(
      "drop",
      (event) => {
        if (!holdsFiles(event)) return;
        event.preventDefault();
        event.stopPropagation();
        void this.openFromDisk([...(event.dataTransfer?.files ?? [])]);
      },
      options,
    );
  }

  /** Opens files of the user's disk, in place of those with the same names. */
  private async openFromDisk(files: File[]): Promise<void> {
    this.note.textContent = "";
    for (const file of files) {
      const bytes = await file.arrayBuffer().then((buffer) => new Uint8Array(buffer), () => null);
      const problem = bytes === null ? "It can't be read" : problemOf(file.name, []);
      if (!bytes || problem) {
        this.note.textContent = `${file.name} is not opened. ${problem}`;
        continue;
      }
      this.keep();
      const tab = this.newTab({ name: file.name, ...contentOf(bytes) });
      const same = this.tabs.findIndex(({ name }) => name === file.name);
      if (same < 0) this.tabs.push(tab);
      else this.tabs[same] = tab;
      this.show(same < 0 ? this.tabs.length - 1 : same);
    }
    this.onChange();
    this.editor.focus();
  }

  private download(): void {
    const file = this.all[this.shown];
    if (file) save(new Blob([bytesOf(file) as BlobPart]), file.name.split("/").pop() ?? "");
  }

  private downloadAll(): void {
    const entries = this.all.map((file) => ({ name: file.name, content: bytesOf(file) }));
    save(zip(entries), "program.zip");
  }

  private close(index: number): void {
    this.keep();
    this.tabs.splice(index, 1);
    this.show(Math.min(this.shown > index ? this.shown - 1 : this.shown, this.tabs.length - 1));
    this.onChange();
    this.tabButton(this.shown)?.focus();
  }

  private show(index: number): void {
    this.shown = index;
    const tab = this.tabs[index];
    if (tab) void this.editor.show(tab.state, tab.name, this.language);
    this.draw();
  }

  /** Stores the editor state in its tab, before another file is shown or all files are read. */
  private keep(): void {
    const tab = this.tabs[this.shown];
    if (tab) tab.state = this.editor.state;
  }

  private rename(index: number): void {
    const tab = this.tabs[index];
    const button = this.tabButton(index);
    if (!tab || !button) return;
    const taken = this.tabs.filter((other) => other !== tab).map((other) => other.name);
    this.ask(button, tab.name, taken, (name, byKey) => {
      if (name !== null) {
        tab.name = name;
        if (index === this.shown) this.editor.setName(name);
        this.onChange();
      }
      this.draw();
      if (byKey) this.tabButton(index)?.focus();
    });
  }

  /**
   * Shows a field for a name in place of an element, and what is wrong with the name as it is typed.
   * `finish` gets null if the user gives up, or leaves it with a name that can't be used.
   */
  private ask(
    place: HTMLElement,
    name: string,
    taken: string[],
    finish: (name: string | null, byKey: boolean) => void,
  ): void {
    const field = document.createElement("input");
    field.className = "tab-name";
    field.value = name;
    field.placeholder = "data.csv";
    field.ariaLabel = "Name of the file";
    field.spellcheck = false;
    field.autocapitalize = "off";
    field.setAttribute("aria-describedby", this.note.id);
    place.replaceWith(field);
    field.focus();
    field.setSelectionRange(0, name.lastIndexOf(".") > 0 ? name.lastIndexOf(".") : name.length);

    let done = false;
    const end = (accepted: boolean, byKey: boolean) => {
      if (done) return;
      done = true;
      this.note.textContent = "";
      const typed = field.value.trim();
      finish(accepted && problemOf(typed, taken) === null ? typed : null, byKey);
    };
    const tell = () => {
      const problem = problemOf(field.value.trim(), taken);
      this.note.textContent = problem ?? "";
      field.ariaInvalid = String(problem !== null);
      return problem;
    };
    field.addEventListener("input", tell);
    field.addEventListener("blur", () => end(true, false));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") end(false, true);
      else if (event.key !== "Enter") return;
      else if (tell() === null) end(true, true);
      event.preventDefault();
    });
  }

  private tabButton(index: number): HTMLButtonElement | null {
    return this.list.querySelectorAll<HTMLButtonElement>(".tab")[index] ?? null;
  }

  private draw(): void {
    this.list.replaceChildren(
      ...this.tabs.map((tab, index) => {
        const item = document.createElement("li");
        item.append(this.drawTab(tab, index));
        if (this.tabs.length > 1) item.append(this.drawClose(tab, index));
        return item;
      }),
    );
    this.bringIntoSight();
  }

  /** Scrolls the tabs only: on a phone the page may show the output, and stays there. */
  private bringIntoSight(): void {
    const tab = this.tabButton(this.shown)?.parentElement;
    if (!tab) return;
    const { left, right } = this.list.getBoundingClientRect();
    const place = tab.getBoundingClientRect();
    if (place.right > right) this.list.scrollLeft += place.right - right;
    if (place.left < left) this.list.scrollLeft -= left - place.left;
  }

  private drawTab(tab: Tab, index: number): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tab";
    button.textContent = tab.name;
    const isShown = index === this.shown;
    if (isShown) button.ariaCurrent = "true";
    const use = isShown ? "Rename" : index === 0 ? "The file that runs" : "";
    button.title = [tab.name, use].filter(Boolean).join("\n"); // a long name is cut off
    button.addEventListener("click", () => {
      if (index === this.shown) return this.rename(index);
      this.keep();
      this.show(index);
      this.tabButton(index)?.focus();
    });
    button.addEventListener("keydown", (event) => {
      if (event.key === "F2") this.rename(index);
      else if (event.key === "Delete" && this.tabs.length > 1) this.close(index);
    });
    return button;
  }

  private drawClose(tab: Tab, index: number): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tab-close";
    button.ariaLabel = button.title = `Close ${tab.name}`;
    button.textContent = "×";
    button.addEventListener("click", () => this.close(index));
    return button;
  }
}

/** Text, if all of it is UTF-8; else base64. */
function contentOf(bytes: Uint8Array): Omit<SourceFile, "name"> {
  try {
    // A zero byte is valid UTF-8, but of no text.
    if (bytes.includes(0)) throw new TypeError("binary");
    return { content: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { content: base64(bytes), encoding: "base64" };
  }
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
