/** The entry point of the playground: connects its parts. */

import { Choice } from "./choice";
import { Draft } from "./draft";
import { Editor } from "./editor";
import { Files } from "./files";
import { title } from "./languages";
import { fromFragment } from "./link";
import { element } from "./page";
import type { Program } from "./program";
import { Run } from "./run";
import { fetchServer, sample } from "./server";
import { Share } from "./share";
import { addThemeToggle } from "./theme";
import { Token } from "./token";

const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";
const runButton = element("run", HTMLButtonElement);
const shellButton = element("shell", HTMLButtonElement);
const args = element("args", HTMLInputElement);
const stdin = element("stdin", HTMLTextAreaElement);
const inputsGiven = element("inputs-given", HTMLElement);

const editor = new Editor(element("editor", HTMLElement), nonce);
const files = new Files(editor);
const choice = new Choice(element("language", HTMLSelectElement), element("version", HTMLSelectElement));
const draft = new Draft();
const token = new Token();
const run = new Run();

let language = ""; // of the program in the editor
let again = start; // what a token was asked for

function current(): Program {
  const version = choice.current?.version ?? "*";
  return { language, version, files: files.all, args: args.value, stdin: stdin.value };
}

function open(program: Program): void {
  ({ language } = program);
  args.value = program.args;
  stdin.value = program.stdin;
  markInputs();
  if (program.args || program.stdin) element("inputs", HTMLDetailsElement).open = true;
  files.open(program.files, language);
}

/** Marks the folded section if it has arguments or input. */
function markInputs(): void {
  inputsGiven.hidden = !args.value && !stdin.value;
}

function openSample(starter = false): void {
  const runtime = choice.current;
  if (!runtime) return;
  const { language, version } = runtime;
  const kept = starter ? undefined : draft.of(language);
  open(kept ?? { language, version, files: [sample(runtime)], args: "", stdin: "" });
}

/** Brings the starter back at the second press, since it discards what is written. */
function addReset(): void {
  const button = element("reset", HTMLButtonElement);
  const words = button.textContent;
  let asked = false;
  const ask = (on: boolean) => {
    asked = on;
    button.textContent = on ? "Discard these files?" : words;
  };
  button.addEventListener("click", () => {
    if (!asked) return ask(true);
    ask(false);
    element("file-menu", HTMLDetailsElement).open = false;
    openSample(true);
    keep();
    editor.focus();
  });
  button.addEventListener("blur", () => ask(false));
}

/** Opens a program from a link or a draft, with an installed language and version if possible. */
function adopt(program: Program): void {
  const known = choice.choose(program.language, program.version);
  open(program);
  if (!known) {
    showNotInstalled();
  } else if (choice.current?.version !== program.version && program.version !== "*") {
    run.showStatus(`Version ${program.version} is not installed; ${choice.current?.version} is selected`, "");
  }
}

function showNotInstalled(): void {
  run.showStatus(`This program needs ${title(language)}, which is not installed`, "bad");
}

async function openLink(): Promise<boolean> {
  try {
    const program = await fromFragment(location.hash);
    if (program) adopt(program);
    return program !== null;
  } catch {
    run.showStatus("The link is broken: no program can be read from it", "bad");
    return false;
  }
}

const keep = () => draft.keep(current(), location.hash);

function start(): void {
  const runtime = choice.current;
  if (!runtime) return;
  if (runtime.language !== language) return showNotInstalled();
  again = start;
  void run.start(current(), runtime.run_timeout, token.value);
}

function openShell(): void {
  if (choice.current?.language !== language) return showNotInstalled();
  again = openShell;
  void run.openShell(current(), token.value);
}

choice.onLanguage = () => {
  keep();
  openSample();
  keep();
};
choice.onVersion = keep;
files.onChange = keep;
for (const field of [args, stdin]) {
  field.addEventListener("input", () => {
    markInputs();
    keep();
  });
}
run.onGoTo = (name, line) => files.goTo(name, line);
run.onTokenWanted = (problem) => token.ask(problem);
token.onGiven = () => again();
runButton.addEventListener("click", start);
shellButton.addEventListener("click", openShell);
addEventListener("hashchange", () => void openLink());
addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) start();
  },
  { capture: true },
);
if (/^(Mac|iP)/.test(navigator.platform)) element("run-keys", HTMLElement).textContent = "⌘ ⏎";
addThemeToggle(element("theme", HTMLButtonElement));
new Share(current);
addReset();

try {
  const server = await fetchServer();
  token.wanted = server.wants_token;
  if (server.runtimes.length === 0) {
    run.showStatus("No language is installed. The operator runs: make install", "bad");
  } else {
    choice.offer(server.runtimes);
    runButton.disabled = false;
    run.offersShell = server.sandboxes;
    shellButton.hidden = !server.sandboxes;
    const before = draft.restore(location.hash);
    if (before) adopt(before);
    else if (!(await openLink())) {
      const wanted = new URLSearchParams(location.search).get("lang");
      const known = !wanted || choice.choose(wanted, "");
      openSample();
      if (!known) run.showStatus(`There is no language called ${wanted} here`, "bad");
    }
  }
} catch (error) {
  run.showStatus(error instanceof Error ? error.message : String(error), "bad");
}
