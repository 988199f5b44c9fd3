/* Dates as the languages write them: patterns and names of months. */
#include <stdio.h>
#include <time.h>

#include "language.h"
#include "template.h"

/* In a pattern %d day, %o day with French's "1er", %b month, %y year, %h hour, %i minute, %a the
 * article of the hour ("a la 01:00", "a las 02:00"). */
static const struct date_form {
    const char *language;
    const char *pattern;
    const char *one, *more; /* of %a */
    const char *months[12];
} forms[] = {
    {"en",
     "%d %b %y at %h:%i UTC",
     "",
     "",
     {"January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December"}},
    {"de",
     "%d. %b %y um %h:%i Uhr (UTC)",
     "",
     "",
     {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
      "November", "Dezember"}},
    {"fr",
     "%o %b %y à %h:%i (UTC)",
     "",
     "",
     {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
      "octobre", "novembre", "décembre"}},
    {"es",
     "%d de %b de %y %a %h:%i (UTC)",
     "a la",
     "a las",
     {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
      "octubre", "noviembre", "diciembre"}},
    {"pt",
     "%d de %b de %y %a %h:%i (UTC)",
     "à",
     "às",
     {"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro",
      "outubro", "novembro", "dezembro"}},
    {"ja",
     "%y年%b月%d日 %h:%i（UTC）",
     "",
     "",
     {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}},
};

static const struct date_form *form_of(const char *language)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (language_covers(forms[i].language, language))
            return &forms[i];
    }
    return NULL;
}

static int write_field(char field, const struct date_form *form, const struct tm *date, char *out,
                       size_t bytes)
{
    switch (field) {
    case 'd':
        return snprintf(out, bytes, "%d", date->tm_mday);
    case 'o':
        return snprintf(out, bytes, "%d%s", date->tm_mday, date->tm_mday == 1 ? "er" : "");
    case 'b':
        return snprintf(out, bytes, "%s", form->months[date->tm_mon]);
    case 'y':
        return snprintf(out, bytes, "%d", date->tm_year + 1900);
    case 'h':
        return snprintf(out, bytes, "%02d", date->tm_hour);
    case 'i':
        return snprintf(out, bytes, "%02d", date->tm_min);
    case 'a':
        return snprintf(out, bytes, "%s", date->tm_hour == 1 ? form->one : form->more);
    default:
        BUG_ON("a date's field that does not exist");
        return 0;
    }
}

void date_write(wall_ms when, const char *language, char text_out[DATE_BYTES])
{
    const struct date_form *form = form_of(language);
    time_t seconds = (time_t)(when / 1000);
    struct tm date;
    size_t len = 0;

    gmtime_r(&seconds, &date);
    if (form == NULL) {
        snprintf(text_out, DATE_BYTES, "%04d-%02d-%02d %02d:%02d UTC", date.tm_year + 1900,
                 date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min);
        return;
    }
    for (const char *c = form->pattern; *c != '\0'; c++) {
        if (*c == '%')
            len += (size_t)write_field(*++c, form, &date, text_out + len, DATE_BYTES - len);
        else
            text_out[len++] = *c;
        BUG_ON(len + 1 >= DATE_BYTES);
    }
    text_out[len] = '\0';
}
