import{rt as e}from"./icon-ny8qhxFJ.js";import{J as t,ht as n}from"./_plugin-vue_export-helper-JX2JWsls.js";var r=({from:r,replacement:i,scope:a,version:o,ref:s,type:c=`API`},l)=>{t(()=>n(l),t=>{t&&e(a,`[${c}] ${r} is about to be deprecated in version ${o}, please use ${i} instead.
For more detail, please visit: ${s}
`)},{immediate:!0})};export{r as t};