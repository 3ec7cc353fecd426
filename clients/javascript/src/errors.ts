/**
 * Errors by their remedy. The message is a sentence for people: the service's own, if it sent one.
 *
 *     BitRunError
 *     ├── Unreachable
 *     ├── Unreadable
 *     ├── Refused
 *     │   ├── TokenRefused
 *     │   └── AlreadyInstalled
 *     ├── Busy
 *     └── Failed
 */

/** Base class. `status` is the HTTP status of the response, or null if there was none. */
export class BitRunError extends Error {
  constructor(
    message: string,
    readonly status: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Nothing answers at the address, or the connection was lost. */
export class Unreachable extends BitRunError {}

/** The server at the address is not BitRun. */
export class Unreadable extends BitRunError {}

/** The request is invalid; the message says what to change. */
export class Refused extends BitRunError {}

/** The service requires a token, or one with another role. */
export class TokenRefused extends Refused {}

/** The package is installed already. */
export class AlreadyInstalled extends Refused {}

/** The service is at its capacity or the client at its limits. */
export class Busy extends BitRunError {
  constructor(
    message: string,
    status: number | null = null,
    /** Seconds after which to try again. */
    readonly retryAfter: number = 1,
  ) {
    super(message, status);
  }
}

/** The service or its Docker engine failed; changing the request does not help. */
export class Failed extends BitRunError {}

// Piston's API has status 500 for it, though nothing failed.
const ALREADY_INSTALLED = "Already installed";

/** Chooses the error for a response. `retryAfter` is the header of this name. */
export function responseError(status: number, body: unknown, retryAfter: string | null): BitRunError {
  const sentence = readSentence(body);
  if (sentence === null) return new Unreadable(`An answer with status ${status} is not BitRun's`, status);
  if (status === 401 || status === 403) return new TokenRefused(sentence, status);
  if (retryAfter !== null) return new Busy(sentence, status, Number.parseInt(retryAfter, 10) || 1);
  if (sentence === ALREADY_INSTALLED) return new AlreadyInstalled(sentence, status);
  return status >= 500 ? new Failed(sentence, status) : new Refused(sentence, status);
}

/** v1 has `error`. Where Piston fixes the words of `message`, `detail` says what is possible instead. */
function readSentence(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  const { error, detail, message } = body as Record<string, unknown>;
  const found = error ?? detail ?? message;
  return typeof found === "string" ? found : null;
}
