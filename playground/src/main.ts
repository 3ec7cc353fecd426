/** The playground: puts its parts together. */

import { Choice } from "./choice";
import { Draft } from "./draft";
import { Editor } from "./editor";
import { Files } from "./files";
import { title } from "./languages";
import { fromFragment } from "./link";
import { element } from "./page";
import type { Program } from "./program";
import { Run } from "./run";
import { askServer, sample } from "./server";
import { Share } from "./share";
import { addThemeToggle } from "./theme";
import { Token } from "./token";

const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";
const runButton = element("run", HTMLButtonElement);
const args = element("args", HTMLInputElement);
const stdin = element("stdin", HTMLTextAreaElement);
const inputsGiven = element("inputs-given", HTMLElement);

const editor = new Editor(element("editor", HTMLElement), nonce);
const files = new Files(element("files", HTMLElement), element("add-file", HTMLButtonElement), editor);
const choice = new Choice(element("language", HTMLSelectElement), element("version", HTMLSelectElement));
const draft = new Draft();
const token = new Token();
const run = new Run();

let language = ""; // of the program in the editor

function current(): Program {
  const version = choice.current?.version ?? "*";
  return { language, version, files: files.all, args: args.value, stdin: stdin.value };
}

function open(program: Program): void {
  ({ language } = program);
  args.value = program.args;
  stdin.value = program.stdin;
  showInputs();
  if (program.args || program.stdin) element("inputs", HTMLDetailsElement).open = true;
  files.open(program.files, language);
}

/** Tells that there are some also where they are folded away. */
function showInputs(): void {
  inputsGiven.hidden = !args.value && !stdin.value;
}

function openSample(): void {
  const runtime = choice.current;
  if (!runtime) return;
  const { language, version } = runtime;
  open(draft.of(language) ?? { language, version, files: [sample(runtime)], args: "", stdin: "" });
}

/** Opens a program from elsewhere, in what can run here. */
function adopt(program: Program): void {
  const known = choice.choose(program.language, program.version);
  open(program);
  if (!known) {
    sayMissing();
  } else if (choice.current?.version !== program.version && program.version !== "*") {
    run.say(`Version ${program.version} is not installed here: ${choice.current?.version} is chosen`, "");
  }
}

function sayMissing(): void {
  run.say(`This program is in ${title(language)}, which is not installed here`, "bad");
}

async function openLink(): Promise<boolean> {
  try {
    const program = await fromFragment(location.hash);
    if (program) adopt(program);
    return program !== null;
  } catch {
    run.say("The link is broken: no program can be read from it", "bad");
    return false;
  }
}

const keep = () => draft.keep(current(), location.hash);

function start(): void {
  const runtime = choice.current;
  if (!runtime) return;
  if (runtime.language !== language) return sayMissing();
  run.start(current(), runtime.run_timeout, token.value);
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
    showInputs();
    keep();
  });
}
run.onTokenWanted = () => token.ask();
token.onGiven = start;
runButton.addEventListener("click", start);
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

try {
  const server = await askServer();
  token.wanted = server.wants_token;
  if (server.runtimes.length === 0) {
    run.say("No language is installed. The operator runs: make install", "bad");
  } else {
    choice.offer(server.runtimes);
    runButton.disabled = false;
    const before = draft.restore(location.hash);
    if (before) adopt(before);
    else if (!(await openLink())) openSample();
  }
} catch (error) {
  run.say(error instanceof Error ? error.message : String(error), "bad");
}
