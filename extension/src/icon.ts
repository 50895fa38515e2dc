import { LabIcon } from '@jupyterlab/ui-components';

/** A spark: a large and a small four-pointed star. Takes its colour from the theme. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M10 3.5c.7 4.9 2.1 6.3 7 7-4.9.7-6.3 2.1-7 7-.7-4.9-2.1-6.3-7-7 4.9-.7 6.3-2.1 7-7z"/>
    <path d="M18 14c.35 2.45 1.05 3.15 3.5 3.5-2.45.35-3.15 1.05-3.5 3.5-.35-2.45-1.05-3.15-3.5-3.5 2.45-.35 3.15-1.05 3.5-3.5z"/>
  </g>
</svg>`;

export const sparkIcon = new LabIcon({ name: '@aglais/jupyterlab:spark', svgstr: SVG });
