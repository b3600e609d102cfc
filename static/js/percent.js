// Percentages as the pages write them: "99%" in English, "99 %" and "99,5 %" in German.

const format = new Intl.NumberFormat(document.documentElement.lang, { style: "percent", maximumFractionDigits: 6 });

/** Write a percentage as it is: a threshold, how far something is. */
export const exactly = (value) => format.format(value / 100);

/** Write a whole percentage; only exactly 100 becomes "100%". */
export const percent = (value) => exactly(value < 100 ? Math.min(Math.round(value), 99) : 100);
