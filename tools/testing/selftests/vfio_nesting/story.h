/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling what happens, with claims that are checked
 */
#ifndef STORY_H
#define STORY_H

#include <stdbool.h>

/* What each line begins with */
extern const char *story_margin;

/* Claims that were true, and that were not */
extern unsigned int story_right, story_wrong;

void scene(const char *title);

/* Say what should be so, and whether it is */
__attribute__((format(printf, 2, 3)))
void claim(bool true_, const char *format, ...);

#endif
