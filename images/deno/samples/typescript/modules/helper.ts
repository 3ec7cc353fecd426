export function greeting(): string {
  return "Hello, module!";
}
