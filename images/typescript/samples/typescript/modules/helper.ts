import { join } from "lodash";

export function greeting(): string {
  return join(["Hello", "module!"], ", ");
}
