// What the server says of a job's work, as a key of the page's words: its first three words.
export const unitKey = (text: string): string =>
  `jobUnit.${text
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(Boolean)
    .slice(0, 3)
    .join("_")}`;
