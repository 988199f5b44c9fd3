"""What is read and shown, with the sentences of docs/api.md."""
from rest_framework import serializers
from rest_framework.validators import UniqueValidator

from .letters import user_of
from .models import User


def unique(what):
    return UniqueValidator(User.objects.all(), "A user with this %s already exists." % what)


class SignupSerializer(serializers.ModelSerializer):
    email = serializers.EmailField(max_length=254, validators=[unique("email")])
    username = serializers.CharField(
        max_length=150, validators=[User.username_validator, unique("username")])
    password = serializers.CharField(max_length=128, write_only=True)

    class Meta:
        model = User
        fields = ["email", "username", "password"]

    def create(self, validated):
        return User.objects.create_user(**validated)


class VerifyEmailSerializer(serializers.Serializer):
    token = serializers.CharField()

    def validate_token(self, token):
        user = user_of(token)
        if user is None:
            raise serializers.ValidationError("Invalid or expired token.")
        return user


class UserSerializer(serializers.ModelSerializer):
    id = serializers.CharField()

    class Meta:
        model = User
        fields = ["id", "username", "email", "email_verified", "date_joined", "last_login"]
