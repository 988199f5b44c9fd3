/* What a stored form costs, for its owner to read. */
#include "formats.h"

size_t password_form_traits(struct slice encoded, const char **method_out,
                            struct password_trait traits_out[PASSWORD_TRAITS_MAX])
{
    struct password_form form;
    size_t count = 0;

    *method_out = NULL;
    if (!password_form_parse(encoded, &form))
        return 0;
    *method_out = password_method_name(form.method);
    switch (form.method) {
    case PASSWORD_METHOD_PBKDF2_SHA256:
    case PASSWORD_METHOD_PBKDF2_SHA1:
        traits_out[count++] = (struct password_trait){"iterations", form.iterations};
        break;
    case PASSWORD_METHOD_SHA256_CRYPT:
    case PASSWORD_METHOD_SHA512_CRYPT:
        traits_out[count++] = (struct password_trait){"rounds", form.iterations};
        break;
    case PASSWORD_METHOD_ARGON2ID:
    case PASSWORD_METHOD_ARGON2I:
    case PASSWORD_METHOD_ARGON2D:
        traits_out[count++] = (struct password_trait){"memory_kib", form.memory_kib};
        traits_out[count++] = (struct password_trait){"passes", form.passes};
        traits_out[count++] = (struct password_trait){"lanes", form.lanes};
        break;
    case PASSWORD_METHOD_SCRYPT:
        traits_out[count++] = (struct password_trait){"log2_n", form.log2_n};
        traits_out[count++] = (struct password_trait){"r", form.r};
        traits_out[count++] = (struct password_trait){"p", form.p};
        break;
    case PASSWORD_METHOD_YESCRYPT:
        traits_out[count++] = (struct password_trait){"log2_n", form.log2_n};
        traits_out[count++] = (struct password_trait){"r", form.r};
        break;
    case PASSWORD_METHOD_BCRYPT:
    case PASSWORD_METHOD_BCRYPT_SHA256:
        traits_out[count++] = (struct password_trait){"log2_cost", form.log2_cost};
        break;
    }
    return count;
}
