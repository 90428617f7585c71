// SPDX-License-Identifier: Apache-2.0
/*
 * A flame graph: one SVG file that needs nothing else. Each frame has its title, which any viewer shows; in a browser a click zooms, and a search
 * marks what matches. Widths are shares of the whole, so the graph fills its window.
 */
#include <inttypes.h>
#include <string.h>
#include "src/profile/tree.h"

#define WIDTH 1200.0
#define ROW 17
#define TOP 60
#define LEAST 0.08	/* narrower frames are left out: pixels of WIDTH */

static const char script[] =
	"<script><![CDATA[\n"
	"const svg=document.documentElement,W=1200,frames=[...svg.querySelectorAll('g.f')],info=svg.querySelector('#info'),"
	"found=svg.querySelector('#found'),reset=svg.querySelector('#reset');\n"
	"const box=new Map(frames.map(g=>{const r=g.querySelector('rect');return[g,{x:+r.getAttribute('x'),w:+r.getAttribute('width'),"
	"y:+r.getAttribute('y')}]}));\n"
	"const title=g=>g.querySelector('title').textContent,name=g=>g.dataset.name;\n"
	"function fit(g,w){const t=g.querySelector('text'),n=name(g),k=Math.floor((w-6)/7);"
	"t.textContent=k<3?'':n.length<=k?n:n.slice(0,k-2)+'..'}\n"
	"function zoom(to){const b=box.get(to);for(const g of frames){const o=box.get(g),r=g.querySelector('rect'),"
	"t=g.querySelector('text');const inside=o.x>=b.x-1e-6&&o.x+o.w<=b.x+b.w+1e-6,above=o.y>b.y&&o.x<=b.x+1e-6&&o.x+o.w>=b.x+b.w-1e-6;"
	"if(o.y<=b.y?!inside:!above){g.style.display='none';continue}"
	"const x=above?0:(o.x-b.x)/b.w*W,w=above?W:o.w/b.w*W;g.style.display='';g.style.opacity=above?.5:1;"
	"r.setAttribute('x',x);r.setAttribute('width',w);t.setAttribute('x',x+3);fit(g,w)}"
	"reset.style.display=b.w<W-1e-6?'':'none'}\n"
	"function search(){const q=prompt('Search (regular expression)','');if(q===null)return;let re=null;"
	"try{re=q?new RegExp(q):null}catch(e){found.textContent='not a regular expression';return}"
	"const hit=new Set;for(const g of frames){const m=re&&re.test(name(g));g.classList.toggle('hit',!!m);if(m)hit.add(g)}"
	"let sum=0,end=-1;for(const[g,o]of[...box].filter(([g])=>hit.has(g)).sort((a,b)=>a[1].x-b[1].x||b[1].w-a[1].w))"
	"if(o.x>=end-1e-6){sum+=o.w;end=o.x+o.w}"
	"found.textContent=re?'matched '+(100*sum/W).toFixed(2)+' %':''}\n"
	"for(const g of frames){g.addEventListener('click',()=>zoom(g));"
	"g.addEventListener('mouseover',()=>info.textContent=title(g));g.addEventListener('mouseout',()=>info.textContent='')}\n"
	"reset.addEventListener('click',()=>zoom(frames[0]));svg.querySelector('#search').addEventListener('click',search);\n"
	"addEventListener('keydown',e=>{if(e.key==='f'&&(e.ctrlKey||e.metaKey)){e.preventDefault();search()}"
	"if(e.key==='Escape')zoom(frames[0])});\n"
	"]]></script>\n";

/* Names come from files and from guests. */
static void put_text(FILE *f, const char *text, size_t most)
{
	for (size_t i = 0; text[i] && i < most; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '<')
			fputs("&lt;", f);
		else if (c == '>')
			fputs("&gt;", f);
		else if (c == '&')
			fputs("&amp;", f);
		else if (c == '"')
			fputs("&quot;", f);
		else
			fputc(c < 32 || c > 126 ? '?' : c, f);
	}
}

/* Warm colours for programs, others for kernel and firmware; the same name has the same one. */
static void put_colour(FILE *f, const struct node *n)
{
	static const struct { unsigned hue, spread; } by_mode[] = { { 40, 20 }, { 5, 25 }, { 200, 20 }, { 0, 0 } };
	unsigned h = 2166136261u;
	for (const char *c = n->name; *c; c++)
		h = (h ^ (unsigned char)*c) * 16777619u;
	if (!n->depth || n->privilege == NODE_IDLE)
		fputs("hsl(0,0%,80%)", f);
	else
		fprintf(f, "hsl(%u,%u%%,%u%%)", by_mode[n->privilege].hue + h % by_mode[n->privilege].spread, 70 + h / 256 % 20, 62 + h / 65536 % 12);
}

static unsigned depth_of(const struct node *n)
{
	unsigned most = n->depth;
	for (const struct node *c = n->first; c; c = c->next) {
		unsigned d = depth_of(c);
		most = d > most ? d : most;
	}
	return most;
}

static void put(FILE *f, const struct node *n, double x, uint64_t whole, unsigned height, const char *unit)
{
	double width = WIDTH * (double)n->total / (double)whole;
	if (width < LEAST)
		return;
	unsigned y = height - 30 - (n->depth + 1) * ROW;
	int room = (int)((width - 6) / 7);
	fputs("<g class=\"f\" data-name=\"", f);
	put_text(f, n->name, SIZE_MAX);
	fputs("\"><title>", f);
	put_text(f, n->name, SIZE_MAX);
	fprintf(f, " (%" PRIu64 " %s, %.2f %%)</title><rect x=\"%.3f\" y=\"%u\" width=\"%.3f\" height=\"%d\" fill=\"", n->total, unit,
		100.0 * (double)n->total / (double)whole, x, y, width, ROW - 1);
	put_colour(f, n);
	fprintf(f, "\"/><text x=\"%.3f\" y=\"%u\">", x + 3, y + 12);
	if (room >= 3) {
		bool cut = strlen(n->name) > (size_t)room;
		put_text(f, n->name, cut ? (size_t)room - 2 : SIZE_MAX);
		if (cut)
			fputs("..", f);
	}
	fputs("</text></g>\n", f);
	for (const struct node *c = n->first; c; c = c->next) {
		put(f, c, x, whole, height, unit);
		x += WIDTH * (double)c->total / (double)whole;
	}
}

void profile_flamegraph(const struct profile *p, FILE *f)
{
	struct node *root = tree_make(p);
	const char *unit = p->exact ? "instructions" : "samples";
	if (!root)
		return;
	unsigned height = TOP + (depth_of(root) + 1) * ROW + 40;
	fprintf(f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"100%%\" font-family=\"monospace\" font-size=\"11\">\n"
		"<style>.f{cursor:pointer}.f:hover rect{stroke:#000}.f text{pointer-events:none}.hit rect{fill:#e0f}"
		".b{cursor:pointer;text-decoration:underline}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		"<text x=\"%d\" y=\"24\" text-anchor=\"middle\" font-size=\"16\">%s of the guest: %" PRIu64 "</text>\n"
		"<text id=\"reset\" class=\"b\" x=\"10\" y=\"44\" style=\"display:none\">reset zoom</text>"
		"<text id=\"search\" class=\"b\" x=\"%d\" y=\"44\">search</text><text id=\"found\" x=\"%d\" y=\"%u\" text-anchor=\"end\"></text>"
		"<text id=\"info\" x=\"10\" y=\"%u\"></text>\n",
		(int)WIDTH, height, (int)WIDTH / 2, p->exact ? "Instructions" : "Samples", root->total, (int)WIDTH - 60, (int)WIDTH - 10, height - 10,
		height - 10);
	if (root->total)
		put(f, root, 0, root->total, height, unit);
	fputs(script, f);
	fputs("</svg>\n", f);
	tree_free(root);
}
