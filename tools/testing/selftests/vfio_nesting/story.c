// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "story.h"

const char *story_margin = "";
static unsigned int right, wrong;

void scene(const char *title)
{
	static unsigned int number;

	printf("\n%s%u. %s\n\n", story_margin, ++number, title);
}

void claim(bool true_, const char *format, ...)
{
	va_list args;

	if (true_)
		right++;
	else
		wrong++;
	printf("%s   %s ", story_margin, true_ ? "[ok]" : "[WRONG]");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

int story_end(void)
{
	printf("\n%sdemo: %u claims, %u of them %s\n", story_margin, right + wrong,
	       wrong ?: right, wrong ? "WRONG" : "true");
	return wrong ? 1 : 0;
}
