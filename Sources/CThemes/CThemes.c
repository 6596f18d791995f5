#include "CThemes.h"

// The compiler knows #embed in every mode; the language mode of all C here is older than C23.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t signalbox_dark[] = {
#embed "../../themes/signalbox-dark.yaml"
};
static const uint8_t signalbox_light[] = {
#embed "../../themes/signalbox-light.yaml"
};
static const uint8_t mono[] = {
#embed "../../themes/mono.yaml"
};
static const uint8_t ansi[] = {
#embed "../../themes/ansi.yaml"
};
static const uint8_t high_contrast[] = {
#embed "../../themes/high-contrast.yaml"
};
static const uint8_t okabe_ito[] = {
#embed "../../themes/okabe-ito.yaml"
};
static const uint8_t harbour_night[] = {
#embed "../../themes/harbour-night.yaml"
};
static const uint8_t paper_day[] = {
#embed "../../themes/paper-day.yaml"
};

static const struct {
  const char *name;
  const uint8_t *text;
  size_t count;
} themes[] = {
    {"signalbox-dark", signalbox_dark, sizeof signalbox_dark},
    {"signalbox-light", signalbox_light, sizeof signalbox_light},
    {"mono", mono, sizeof mono},
    {"ansi", ansi, sizeof ansi},
    {"high-contrast", high_contrast, sizeof high_contrast},
    {"okabe-ito", okabe_ito, sizeof okabe_ito},
    {"harbour-night", harbour_night, sizeof harbour_night},
    {"paper-day", paper_day, sizeof paper_day},
};

enum { COUNT = sizeof themes / sizeof *themes };

int sb_theme_count(void) { return COUNT; }

const char *sb_theme_name(int index) { return index >= 0 && index < COUNT ? themes[index].name : NULL; }

const uint8_t *sb_theme_text(int index, size_t *count) {
  if (index < 0 || index >= COUNT) return NULL;
  *count = themes[index].count;
  return themes[index].text;
}
