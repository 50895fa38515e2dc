// C1 controls and bidirectional marks: JSON may contain them, but terminals interpret them.
const RISKY = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON that is also safe to print on a terminal. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    RISKY,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  );
}
