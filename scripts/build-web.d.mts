/** Builds the page into a folder, which is emptied before. */
export function buildWeb(folder: string): Promise<void>
