// The picture of patchcord graph as a page that can be searched.
#include "plugin/operator/commands/graph/graph.h"

namespace tool {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>patchcord graph</title>
<style>
body { margin: 0; font: 14px sans-serif; color: #1b2733; }
header { position: sticky; top: 0; padding: 8px 20px; background: #f3f6f9; border-bottom: 1px solid #c5d0da; }
input { font: inherit; width: 24em; padding: 4px 8px; }
svg { display: block; max-width: none; }
.pod { cursor: pointer; }
.pod:hover rect, .pod.chosen rect { stroke-width: 3.5; }
.dim { opacity: .15; }
aside { position: fixed; right: 0; top: 46px; bottom: 0; width: 36em; max-width: 90%; overflow: auto; padding: 12px 20px;
        background: #ffffff; border-left: 1px solid #c5d0da; box-shadow: 0 0 12px #0003; }
aside[hidden] { display: none; }
pre { font: 12px 'DejaVu Sans Mono', monospace; white-space: pre-wrap; }
</style>
</head>
<body>
<header>
<input id="search" type="search" placeholder="pod, address, port, host interface" autofocus>
<span id="count"></span>
</header>
<aside id="objects" hidden><button id="close">close</button><pre></pre></aside>
)";

// Text of the node comes from attributes, and goes to where it is text only.
constexpr std::string_view kTail = R"(<script>
'use strict';
const pods = [...document.querySelectorAll('.pod')];
const search = document.getElementById('search');
const objects = document.getElementById('objects');
function find(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = pods.filter(pod => wanted.every(word => pod.dataset.text.toLowerCase().includes(word)));
  for (const pod of pods) {
    pod.classList.toggle('dim', !hits.includes(pod));
    pod.classList.toggle('hit', wanted.length > 0 && hits.includes(pod));
  }
  document.getElementById('count').textContent = hits.length + ' of ' + pods.length;
  if (wanted.length > 0 && hits.length > 0) hits[0].scrollIntoView({block: 'center', inline: 'center'});
}
function show(pod) {
  for (const each of pods) each.classList.toggle('chosen', each === pod);
  objects.hidden = pod === null;
  if (pod) objects.querySelector('pre').textContent =
      pod.querySelector('title').textContent + '\n\n' + (pod.dataset.objects || '');
}
for (const pod of pods) pod.addEventListener('click', () => show(pod));
document.getElementById('close').addEventListener('click', () => show(null));
search.addEventListener('input', () => find(search.value));
function follow() {
  search.value = decodeURIComponent(location.hash.slice(1));
  find(search.value);
}
addEventListener('hashchange', follow);
follow();
</script>
</body>
</html>
)";

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\n':  // which an attribute would lose
        result += "&#10;";
        break;
      case '&':
        result += "&amp;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string to_html(const Graph& graph) {
  return std::string(kHead) + to_svg(graph) + std::string(kTail);
}

}  // namespace tool
