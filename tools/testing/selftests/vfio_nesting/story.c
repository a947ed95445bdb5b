// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "story.h"

const char *story_margin = "";
unsigned int story_right, story_wrong;

void scene(const char *title)
{
	static unsigned int number;

	printf("\n%s%u. %s\n\n", story_margin, ++number, title);
}

void claim(bool true_, const char *format, ...)
{
	va_list args;

	if (true_)
		story_right++;
	else
		story_wrong++;
	printf("%s   %s ", story_margin, true_ ? "[ok]" : "[WRONG]");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}
